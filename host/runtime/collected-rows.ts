import { ROW_LENGTH_OFFSET } from '../abi/layout.ts';
import { decodeObject, type RowObject } from '../abi/row-object.ts';
import type { Plan } from '../dataflow/plan.ts';
import type { DeliveredRows } from './coordinator.ts';

/** What a pipeline's `memory` sinks have committed. A repeated delivery counts once. */
export class CollectedRows {
  readonly #seen = new Set<string>();
  readonly #bySink = new Map<string, DeliveredRows[]>();

  add(sink: string, rows: DeliveredRows, key: string): void {
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const runs = this.#bySink.get(sink);
    if (runs === undefined) this.#bySink.set(sink, [rows]);
    else runs.push(rows);
  }

  /** All records by sink, in order of commit, as objects. */
  records(plan: Plan): { readonly [sink: string]: readonly RowObject[] } {
    const records: Record<string, RowObject[]> = {};
    for (const spec of plan.chains.flatMap((chain) => chain.operators)) {
      if (spec.kind !== 'sink' || spec.connector !== 'memory') continue;
      records[spec.id] = (this.#bySink.get(spec.id) ?? []).flatMap(({ bytes }) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const decoded: RowObject[] = [];
        for (let at = 0; at < bytes.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
          decoded.push(decodeObject(spec.schema, bytes, at));
        }
        return decoded;
      });
    }
    return records;
  }
}
