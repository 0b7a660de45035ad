import type { ByteSource } from './byte-source.ts';
import { skipString } from './json-skip.ts';

/**
 * How many elements the JSON array has whose first element is at `at`. Looks at brackets, commas and strings only; of
 * text that is not JSON the answer is some number from 1 up.
 */
export function countElements(source: ByteSource, at: number): number {
  const { bytes } = source;
  let count = 1;
  let depth = 0;
  let i = at;
  for (;;) {
    switch (bytes[i]) {
      case 0x22: {
        const next = skipString(source, i);
        if (next < 0) return count;
        i = next;
        continue;
      }
      case 0x5b:
      case 0x7b:
        depth++;
        break;
      case 0x5d:
      case 0x7d:
        if (depth === 0) return count;
        depth--;
        break;
      case 0x2c:
        if (depth === 0) count++;
        break;
      case 0x0a:
      case undefined:
        return count;
      default:
    }
    i++;
  }
}
