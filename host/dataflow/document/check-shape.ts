import { PIPELINE_DEPTH_MAX } from '../../limits.ts';
import type { DocumentPath, Finding } from '../finding.ts';

/**
 * What would harm the checks themselves: nesting beyond `PIPELINE_DEPTH_MAX` (they recurse) and keys that
 * JavaScript gives a meaning of its own. Does not recurse; stops at the first finding, so that circular
 * values end.
 */
export function shapeFinding(document: unknown): Finding | undefined {
  const pending: { readonly value: unknown; readonly path: DocumentPath }[] = [
    { value: document, path: [] },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, path } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (path.length >= PIPELINE_DEPTH_MAX) {
      return {
        path: path.slice(0, 3),
        message: `nests deeper than ${PIPELINE_DEPTH_MAX}, the limit`,
      };
    }
    for (const [key, inner] of Object.entries(value)) {
      const place = [...path, Array.isArray(value) ? Number(key) : key];
      if (key === '__proto__')
        return { path: place, message: 'a key cannot be called "__proto__"' };
      pending.push({ value: inner, path: place });
    }
  }
  return undefined;
}
