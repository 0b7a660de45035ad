import { MillraceError } from '../../errors.ts';
import type { RecordPlan } from '../row-plan.ts';
import type { CsvCells } from './csv-cells.ts';

/** Which cell of a record holds which field: the index of the column, -1 when an optional field has none. */
export interface CsvColumns {
  readonly count: number;
  readonly ofField: Int32Array;
}

/**
 * Reads the header in `cells`. Columns may come in any order; those that are no field are passed over. Throws
 * `SOURCE_UNAVAILABLE` when a required field has no column or a field has two: no record could be read.
 */
export function readHeader(plan: RecordPlan, cells: CsvCells, bytes: Uint8Array): CsvColumns {
  const names = Array.from({ length: cells.count }, (_, i) => columnName(cells, bytes, i));
  const faults: string[] = [];
  const ofField = Int32Array.from(plan.fields, ({ name, optional }) => {
    const column = names.indexOf(name);
    if (column < 0 && !optional) faults.push(`no column "${name}"`);
    if (column !== names.lastIndexOf(name)) faults.push(`two columns "${name}"`);
    return column;
  });
  if (faults.length > 0) throw unreadableHeader(faults.join(', '), plan.record.name);
  return { count: names.length, ofField };
}

/** The error of an input whose first record is no header. */
export function unreadableHeader(fault: string, record: string): MillraceError {
  return new MillraceError('SOURCE_UNAVAILABLE', `the csv header cannot be used: ${fault}`, {
    hint: `the first line must name the fields of record "${record}", separated by commas`,
  });
}

function columnName(cells: CsvCells, bytes: Uint8Array, column: number): string {
  const start = cells.starts[column];
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, cells.ends[column] - start);
  // A byte order mark, as spreadsheets write it, belongs to no name.
  const name = text.toString().replace(/^\ufeff/, '');
  const unquoted = /^"(.*)"$/s.exec(name)?.[1] ?? name;
  return cells.quotes[column] === 0 ? unquoted.trim() : name.replaceAll('""', '"');
}
