import { BatchBuilder } from '../../abi/batch-builder.ts';
import { createRowDecoder } from '../../abi/create-row-decoder.ts';
import { MillraceError } from '../../errors.ts';
import { LOOKUP_ANSWER_BYTES_MAX } from '../../limits.ts';
import type { Batch } from '../../model/batch.ts';
import type { RecordSchema } from '../../model/schema.ts';

const [SPACE, QUOTE, BACKSLASH, LINE_FEED, COMMA] = [0x20, 0x22, 0x5c, 0x0a, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The rows of an answer in JSON: an object, or a list of objects. `what` names who answered. Throws `RECORD_MALFORMED` when
 * it is something else, or its objects do not fit the schema.
 */
export function decodeAnswer(schema: RecordSchema, answer: Uint8Array, what: string): Batch {
  const bytes = objectsOnLines(answer);
  const rows = new BatchBuilder(256);
  const decoder = createRowDecoder('json', schema, (reason) => {
    throw new MillraceError('RECORD_MALFORMED', `${what} answered with something else: ${reason}`, {
      hint: `it answers with a JSON object, or a list of objects, for record "${schema.name}"`,
    });
  });
  const bytesMax = LOOKUP_ANSWER_BYTES_MAX;
  for (let start = 0; start < bytes.length; ) {
    const next = decoder.decode({ bytes, start, end: bytes.length, final: true, bytesMax }, rows);
    if (next === start) break;
    start = next;
  }
  return { bytes: rows.batch().bytes.slice(), count: rows.count };
}

/**
 * The same objects, each on a line of its own. Works on bytes: numbers keep all their digits. What is no object stays for the
 * decoder to refuse.
 */
function objectsOnLines(answer: Uint8Array): Uint8Array {
  const bytes = answer.slice();
  let inText = false;
  let depth = 0;
  // The outermost list is taken off.
  const first = bytes.findIndex((byte) => byte > SPACE);
  const outer = first >= 0 && bytes[first] === OPEN_LIST ? 1 : 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inText = false;
      continue;
    }
    if (byte === QUOTE) inText = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
    const isBracket = byte === OPEN_LIST ? depth === 1 : byte === CLOSE_LIST && depth === 0;
    if (byte === LINE_FEED || byte === 0x0d) bytes[at] = SPACE;
    else if (outer === 1 && isBracket) bytes[at] = SPACE;
    else if (outer === 1 && depth === 1 && byte === COMMA) bytes[at] = LINE_FEED;
  }
  return bytes.every((byte) => byte <= SPACE) ? new Uint8Array(0) : bytes;
}
