import { isUtf8 } from 'node:buffer';
import { BatchBuilder } from '../../abi/batch-builder.ts';
import { createRowDecoder } from '../../abi/create-row-decoder.ts';
import { MillraceError } from '../../errors.ts';
import type { Batch } from '../../model/batch.ts';
import type { RecordSchema } from '../../model/schema.ts';
import {
  HTTP_DECODE_BYTES,
  HTTP_FINDINGS_MAX,
  HTTP_RECORDS_MAX,
  HTTP_ROW_BYTES_MAX,
} from '../../server-limits.ts';

export interface RecordsToDecode {
  readonly body: Uint8Array;
  readonly format: 'json' | 'lines';
  readonly schema: RecordSchema;
  /** Lets other requests have a turn. */
  readonly yieldTurn: () => Promise<void>;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Decodes the lines of a request, all or none. Throws `RECORD_MALFORMED` with the number of every line that cannot be decoded, and
 * `BODY_TOO_LARGE` when they make too many records or too many bytes.
 */
export async function decodeRecords(request: RecordsToDecode): Promise<Batch> {
  const { body, format, schema, yieldTurn } = request;
  const faults = new LineFaults(body);
  if (!isUtf8(body)) noteNoText(body, faults);
  const decoder = createRowDecoder(format, schema, (reason, start) => faults.add(reason, start));
  const out = new BatchBuilder(Math.min(body.length * 2, HTTP_DECODE_BYTES));
  for (let start = 0; start < body.length; ) {
    if (start > 0) await yieldTurn();
    const newline = body.indexOf(NEWLINE, Math.min(start + HTTP_DECODE_BYTES, body.length));
    const end = newline < 0 ? body.length : newline + 1;
    while (start < end) {
      const bytesMax = HTTP_ROW_BYTES_MAX - out.length;
      if (bytesMax <= 0 || out.count > HTTP_RECORDS_MAX) throw tooMuch();
      const next = decoder.decode({ bytes: body, start, end, final: true, bytesMax }, out);
      // What a decoder does not take even as the last is white space, or was reported.
      start = next > start ? next : end;
    }
  }
  if (out.count > HTTP_RECORDS_MAX || out.length > HTTP_ROW_BYTES_MAX) throw tooMuch();
  faults.throwIfAny();
  return out.batch();
}

/** Lines that cannot be decoded, with their numbers from 1 on. */
class LineFaults {
  readonly #body: Uint8Array;
  readonly #byLine = new Map<number, string>();
  #count = 0;
  /** The line that begins at or before the offset counted last. */
  #line = 1;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  /** Offsets come in ascending order, in each pass. */
  add(reason: string, offset: number): void {
    this.#count += 1;
    if (this.#byLine.size >= HTTP_FINDINGS_MAX) return;
    if (offset < this.#at) {
      this.#at = 0;
      this.#line = 1;
    }
    for (
      let next = this.#body.indexOf(NEWLINE, this.#at);
      next >= 0 && next < offset;
      next = this.#body.indexOf(NEWLINE, this.#at)
    ) {
      this.#at = next + 1;
      this.#line += 1;
    }
    if (!this.#byLine.has(this.#line)) this.#byLine.set(this.#line, reason);
  }

  throwIfAny(): void {
    if (this.#count === 0) return;
    const told = [...this.#byLine]
      .sort(([a], [b]) => a - b)
      .map(([line, reason]) => `line ${line}: ${reason}`);
    const more = this.#count - told.length;
    const lines = this.#count === 1 ? 'a line' : `${this.#count} lines`;
    throw new MillraceError('RECORD_MALFORMED', `${lines} of the request cannot be decoded`, {
      details: more > 0 ? [...told, `${more} more`] : told,
      hint: 'nothing of the request was stored: mend these lines and send it again',
    });
  }
}

function noteNoText(body: Uint8Array, faults: LineFaults): void {
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline < 0 ? body.length : newline;
    const stop = end > start && body[end - 1] === RETURN ? end - 1 : end;
    if (!isUtf8(body.subarray(start, stop))) faults.add('it is no UTF-8', start);
    start = end + 1;
  }
}

function tooMuch(): MillraceError {
  return new MillraceError(
    'BODY_TOO_LARGE',
    `a request may have ${HTTP_RECORDS_MAX} records, which take ${HTTP_ROW_BYTES_MAX / 2 ** 20} MiB as rows`,
    { hint: 'nothing of it was stored: send the records in several requests' },
  );
}
