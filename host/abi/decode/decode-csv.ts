/**
 * `csv`: RFC 4180, comma-separated, with a header.
 *
 * The first record that a decoder meets is the header, so a decoder belongs to one file. To go on in the middle of a
 * file, let it decode the file's beginning with `bytesMax` 0 until it takes the header, then hand it the later bytes.
 *
 * Columns are found by name, in any order; unknown ones are passed over. Empty cells are null in optional fields, except that
 * two quotes are an empty string. A blank line is no record, unless the only column is an optional field: then it is a null.
 */
import { ROW_BYTES_MAX } from '../../limits.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { MalformedRow, RowDecoder } from '../row-decoder.ts';
import { planRecord } from '../row-plan.ts';
import { byteSource } from './byte-source.ts';
import { putInOrder } from './canonical-row.ts';
import { CsvCellReader } from './csv-cell-reader.ts';
import { CsvCells, INCOMPLETE, MALFORMED } from './csv-cells.ts';
import { type CsvColumns, readHeader, unreadableHeader } from './csv-columns.ts';
import { RowWriter } from './row-writer.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Decodes terminated records only; see `decodeUnterminated` for a last one without a line feed. */
export function decodeCsv(schema: RecordSchema, malformed: MalformedRow): RowDecoder {
  const plan = planRecord(schema);
  const writer = new RowWriter();
  const cells = new CsvCells();
  const reader = new CsvCellReader(writer, cells);
  let columns: CsvColumns | undefined;

  /** Makes a row of the cells; returns what is wrong with them, or undefined. */
  const writeRow = ({ count, ofField }: CsvColumns): string | undefined => {
    if (cells.count !== count) return `the record has ${cells.count} cells, the header ${count}`;
    reader.fault = '';
    reader.disordered = false;
    writer.begin();
    const base = writer.claimRow(plan);
    for (const field of plan.fields) {
      const cell = ofField[field.index];
      if (cell >= 0 && !reader.read(field, cell, base)) return reader.fault;
    }
    writer.closeRow(base);
    if (reader.disordered) putInOrder(plan, writer);
    if (writer.tooLong) return `its row is longer than ${ROW_BYTES_MAX} bytes`;
    writer.finish();
    return undefined;
  };

  return {
    decode({ bytes, start, end, final, bytesMax }, out) {
      const stop = out.length + bytesMax;
      reader.source = byteSource(bytes);
      writer.attach(out);
      let at = start;
      while (at < end && (out.length < stop || columns === undefined)) {
        const blank = blankEnd(bytes, at, end);
        const isNull = columns?.count === 1 && columns.ofField[0] === 0 && plan.fields[0].optional;
        if (blank > 0 && !isNull) {
          at = blank;
          continue;
        }
        const next = cells.split(reader.source, at, end);
        if (next === INCOMPLETE && !final) break;
        if (next < 0) {
          // Only the line is given up: behind its end the records may be sound again.
          const lineEnd = bytes.indexOf(NEWLINE, at);
          const found = lineEnd >= 0 && lineEnd < end;
          if (!found && !final) break;
          const fault = next === MALFORMED ? cells.fault : 'a quote is not closed';
          if (columns === undefined) throw unreadableHeader(fault, schema.name);
          malformed(fault, at, found ? lineEnd : end);
          at = found ? lineEnd + 1 : end;
          continue;
        }
        if (columns === undefined) columns = readHeader(plan, cells, bytes);
        else {
          const fault = writeRow(columns);
          if (fault !== undefined) malformed(fault, at, next - 1);
        }
        at = next;
      }
      return at;
    },
  };
}

/** The offset behind the blank line at `at`, or 0 when it is none. */
function blankEnd(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === NEWLINE) return at + 1;
  if (bytes[at] === RETURN && at + 1 < end && bytes[at + 1] === NEWLINE) return at + 2;
  return 0;
}
