import { instantiateSync } from '@assemblyscript/loader';
import { escapeText } from './guest-text.ts';

/** Bytes of text read from an abort's strings. */
const ABORT_BYTES_MAX = 4_096;
/** Bytes before an AssemblyScript string that hold its length. */
const LENGTH_OFFSET = 4;

/**
 * `(module (import "env" "memory" (memory 0)) (export "memory" (memory 0)))`: hands a guest's memory to
 * the loader, whose string reader wants the exports of a module.
 */
const READER = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[2, 15, 1, 3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0, 0],
  ...[7, 10, 1, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0],
);

let reader: WebAssembly.Module | undefined;

/** Where and why AssemblyScript's `abort` was called: `index out of range, at lib/array.ts:12:5`. */
export function abortMessage(
  memory: WebAssembly.Memory,
  pointers: { readonly message: number; readonly file: number },
  position: { readonly line: number; readonly column: number },
): string {
  const message = readString(memory, pointers.message);
  const file = readString(memory, pointers.file) ?? 'unknown file';
  const place = `${file}:${position.line >>> 0}:${position.column >>> 0}`;
  return message === undefined || message === '' ? `at ${place}` : `${message}, at ${place}`;
}

/** A UTF-16 string of the guest, escaped; undefined when the address holds none. */
function readString(memory: WebAssembly.Memory, pointer: number): string | undefined {
  const address = pointer >>> 0;
  const size = memory.buffer.byteLength;
  if (address < 8 || (address & 1) !== 0 || address > size) return undefined;
  const length = new DataView(memory.buffer).getUint32(address - LENGTH_OFFSET, true);
  if (length > ABORT_BYTES_MAX || length > size - address) return undefined;
  reader ??= new WebAssembly.Module(READER);
  try {
    const { exports } = instantiateSync(reader, { env: { memory } });
    return escapeText(exports.__getString(address));
  } catch {
    // The loader says no to what is not a string object; the guest may pass anything.
    return undefined;
  }
}
