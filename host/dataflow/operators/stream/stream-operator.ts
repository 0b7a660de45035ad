/** `limit`, `sample`, `inspect` and `split`: steps of the host's own that pass rows unchanged, or not at all. */
import { slotOffset } from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import { newCounters, type Operator, type OperatorContext, type Output } from '../../operator.ts';
import type { StreamOperation, StreamSpec } from '../../plan.ts';
import { rowText } from '../row-text.ts';
import { rowOffsets } from '../row-walk.ts';
import { type Deal, RowDealer } from './row-dealer.ts';
import { createRowPicker } from './row-picker.ts';

export function createStreamOperator(spec: StreamSpec, context: OperatorContext): Operator {
  const { operation } = spec;
  switch (operation.kind) {
    case 'limit':
    case 'sample':
      return createPickingOperator(spec.id, operation, context.task);
    case 'inspect':
      return createInspectOperator(spec, operation, context);
    case 'split':
      return createSplitOperator(spec.id, operation);
    default:
      return operation satisfies never;
  }
}

/** An operator without state; `onRows` says how many rows and bytes it put out. */
function statelessOperator(id: string, onRows: (batch: Batch, out: Output) => void): Operator {
  const counters = newCounters();
  return {
    id,
    counters,
    onBatch(batch, out) {
      if (batch.count === 0) return;
      counters.batches += 1;
      counters.recordsIn += batch.count;
      counters.bytesIn += batch.bytes.length;
      onRows(batch, {
        batch(rows) {
          if (rows.count === 0) return;
          counters.recordsOut += rows.count;
          counters.bytesOut += rows.bytes.length;
          out.batch(rows);
        },
        side(name, rows) {
          if (rows.count === 0) return;
          counters.recordsOut += rows.count;
          counters.bytesOut += rows.bytes.length;
          out.side(name, rows);
        },
      });
    },
    onWatermark() {},
    onEnd() {},
    snapshot: () => ({ keyed: {}, values: null }),
    restore() {},
    close() {},
  };
}

function createPickingOperator(
  id: string,
  operation: StreamOperation & { kind: 'limit' | 'sample' },
  task: number,
): Operator {
  const picker = createRowPicker(operation, task);
  const dealer = new RowDealer(1);
  const deal: Deal = () => (picker.next() ? 0 : -1);
  return {
    ...statelessOperator(id, (batch, out) => {
      dealer.deal(batch, deal);
      out.batch(dealer.pile(0));
    }),
    snapshot: () => ({ keyed: {}, values: picker.toJson() }),
    restore: ({ values }) => picker.restore(values),
  };
}

/** Logs the first rows of each task, and then one in so many. */
function createInspectOperator(
  { id, schema }: StreamSpec,
  { first, every }: StreamOperation & { kind: 'inspect' },
  context: OperatorContext,
): Operator {
  let seen = 0;
  return statelessOperator(id, (batch, out) => {
    const { bytes, count } = batch;
    const next = seen + count;
    // Most batches have no row to log: they are not walked.
    if (seen < first || Math.ceil(seen / every) * every < next) {
      const offsets = rowOffsets(batch);
      for (let row = 0; row < count; row++) {
        const wanted = seen + row < first || (seen + row) % every === 0;
        if (wanted) context.log('info', rowText(schema, bytes, offsets[row]));
      }
    }
    seen = next;
    out.batch(batch);
  });
}

/** Rows go to the side output that a text field names; those that name none stay in the main output. */
function createSplitOperator(
  id: string,
  { fieldIndex, sides }: StreamOperation & { kind: 'split' },
): Operator {
  const names = sides.map((side) => Buffer.from(side));
  const dealer = new RowDealer(sides.length + 1);
  const slot = slotOffset(fieldIndex);
  const deal: Deal = (view, at) => {
    const text = at + view.getUint32(at + slot, true);
    const length = view.getUint32(at + slot + 4, true);
    for (let i = 0; i < names.length; i++) if (isText(view, text, length, names[i])) return i;
    return sides.length;
  };
  return statelessOperator(id, (batch, out) => {
    dealer.deal(batch, deal);
    for (let i = 0; i < sides.length; i++) out.side(sides[i], dealer.pile(i));
    out.batch(dealer.pile(sides.length));
  });
}

function isText(view: DataView, at: number, length: number, text: Uint8Array): boolean {
  if (length !== text.length) return false;
  for (let i = 0; i < length; i++) if (view.getUint8(at + i) !== text[i]) return false;
  return true;
}
