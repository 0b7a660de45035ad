import {
  KIND_LIST,
  KIND_RECORD,
  KIND_STRING,
  type RecordPlan,
  type ValuePlan,
} from '../row-plan.ts';
import type { RowWriter } from './row-writer.ts';

/**
 * Puts the row at `writer.start` (its end is the tail) into canonical form: pieces in the order of the fields, none
 * that belongs to no field. The writer's tail is then the end of the new row.
 */
export function putInOrder(plan: RecordPlan, writer: RowWriter): void {
  const { start } = writer;
  const copy = writer.tail;
  copyRow(plan, writer, start);
  const length = writer.tail - copy;
  writer.bytes.copyWithin(start, copy, copy + length);
  writer.tail = start + length;
}

/** Copies the row at `from` to the aligned tail. Returns the copy's offset. */
function copyRow(plan: RecordPlan, writer: RowWriter, from: number): number {
  const base = writer.tail;
  writer.ensure(plan.fixed);
  writer.bytes.copyWithin(base, from, from + plan.fixed);
  writer.tail = base + plan.fixed;
  for (const { value, slot } of plan.fields) {
    if (value.kind >= KIND_STRING) copyPiece(value, writer, { from, base, at: base + slot });
  }
  writer.closeRow(base);
  return base;
}

/** A slot in the copy at `base` of the row at `from`; its offset still is the one in that row. */
interface CopiedSlot {
  readonly from: number;
  readonly base: number;
  readonly at: number;
}

function copyPiece(value: ValuePlan, writer: RowWriter, { from, base, at }: CopiedSlot): void {
  const source = from + writer.view.getInt32(at, true);
  const extent = writer.view.getInt32(at + 4, true);
  if (extent === 0) return;
  if (value.kind >= KIND_LIST) writer.align();
  const start = writer.tail;
  if (value.kind === KIND_RECORD) {
    copyRow(value.record!, writer, source);
    writer.point(base, at, start, writer.tail - start);
    return;
  }
  const isList = value.kind === KIND_LIST;
  const bytes = isList ? extent * 8 : extent;
  writer.ensure(bytes);
  writer.bytes.copyWithin(start, source, source + bytes);
  writer.tail = start + bytes;
  writer.point(base, at, start, extent);
  if (!isList || value.element!.kind < KIND_STRING) return;
  for (let i = 0; i < extent; i++) {
    copyPiece(value.element!, writer, { from, base, at: start + i * 8 });
  }
}
