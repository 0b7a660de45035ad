import { MillraceError } from '../errors.ts';
import type { MalformedRecord, SourceContext } from './source.ts';

/** Bytes as text for a log: what is not printable ASCII is escaped. */
export function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    if (byte === 0x5c) text += '\\\\';
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

/**
 * Deals with a malformed record as the source's policy says: under `fail` it throws `RECORD_MALFORMED`,
 * otherwise the context counts it. `where` names the place for people: `file "a.json", offset 120 (line 4)`.
 */
export function reportMalformed(
  context: SourceContext,
  record: MalformedRecord,
  where: () => string,
): void {
  if (context.onMalformed !== 'fail') {
    context.malformed(record);
    return;
  }
  throw new MillraceError(
    'RECORD_MALFORMED',
    `source "${context.id}", ${where()}: ${record.reason}`,
    {
      details: [`the record begins with: ${record.excerpt}`],
      hint: 'mend the input, or set "onMalformed: skip" or "onMalformed: deadLetter" on the source',
    },
  );
}
