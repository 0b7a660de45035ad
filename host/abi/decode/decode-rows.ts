/**
 * `rows`: rows of the ABI one after the other, as `encode-rows.ts` writes them. Event times are kept, tags set to 0.
 *
 * Lengths are the only framing. A row whose length makes sense but whose content is invalid is malformed and passed
 * over; after a length that makes none, nothing that follows can be trusted: `SOURCE_UNAVAILABLE`.
 */
import { MillraceError } from '../../errors.ts';
import { ROW_BYTES_MAX } from '../../limits.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { BatchBuilder } from '../batch-builder.ts';
import { fixedBytes, ROW_TAG_OFFSET } from '../layout.ts';
import type { DecoderInput, MalformedRow, RowDecoder } from '../row-decoder.ts';
import { createRowValidator, type RowValidator } from '../validate-rows.ts';

export function decodeRows(schema: RecordSchema, malformed: MalformedRow): RowDecoder {
  const fixed = fixedBytes(schema);
  const validate = createRowValidator(schema);
  return {
    decode(input, out) {
      const run = findRun(input, fixed, schema);
      if (run.count === 0) return endOf(input, run.end, malformed);
      const at = out.reserve(run.end - input.start);
      const target = out.bytes.subarray(at, at + run.end - input.start);
      target.set(input.bytes.subarray(input.start, run.end));
      clearTags(target);
      if (validate(target, run.count) === undefined) out.commit(target.length, run.count);
      else
        keepValid(target, out, validate, (why, from, to) => {
          malformed(why, input.start + from, input.start + to);
        });
      return endOf(input, run.end, malformed);
    },
  };
}

/** The whole rows from the input's start on, up to about its `bytesMax`. */
function findRun(
  { bytes, start, end, bytesMax }: DecoderInput,
  fixed: number,
  schema: RecordSchema,
): { end: number; count: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  let count = 0;
  while (at + 4 <= end && at - start < bytesMax) {
    const length = view.getUint32(at, true);
    if (length < fixed || (length & 7) !== 0 || length > ROW_BYTES_MAX) {
      // What stands before the damage is still delivered.
      if (count > 0) break;
      throw new MillraceError(
        'SOURCE_UNAVAILABLE',
        `input of rows is damaged: a row of record "${schema.name}" with length ${length}`,
        { hint: 'check that the input holds rows of this record type and is whole' },
      );
    }
    if (at + length > end) break;
    at += length;
    count++;
  }
  return { end: at, count };
}

/** With a final input, what is left behind the last whole row is no record. */
function endOf(input: DecoderInput, at: number, malformed: MalformedRow): number {
  if (!input.final || at === input.end) return at;
  const view = new DataView(input.bytes.buffer, input.bytes.byteOffset, input.bytes.byteLength);
  const whole = at + 4 <= input.end && at + view.getUint32(at, true) <= input.end;
  if (whole) return at;
  malformed('the input ends inside a row', at, input.end);
  return input.end;
}

/** Goes through rows one by one that are not all valid; `bytes` lie behind the builder's rows. */
function keepValid(
  bytes: Uint8Array,
  out: BatchBuilder,
  validate: RowValidator,
  malformed: MalformedRow,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at, true);
    const fault = validate(bytes.subarray(at, at + length), 1);
    if (fault === undefined) out.append({ bytes: bytes.subarray(at, at + length), count: 1 });
    else malformed(fault.replace(/^row 0: /, ''), at, at + length);
    at += length;
  }
}

function clearTags(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += view.getUint32(at, true)) {
    view.setUint32(at + ROW_TAG_OFFSET, 0, true);
  }
}
