import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { encodeObject, type RowObject } from '../../host/abi/row-object.ts';
import type { LookupContext, LookupTable } from '../../host/connectors/lookup.ts';
import type { Batch } from '../../host/model/batch.ts';
import { copyOf } from './keyed-rows.ts';

/** A table in memory whose answers the test may hold back. */
export interface MemoryTable extends LookupTable {
  /** Keys that were asked for, in order. */
  readonly asked: readonly RowObject[];
  fill(rows: readonly RowObject[]): void;
  stop(): void;
  start(): void;
  /** From now on an answer waits for `release`. */
  hold(): void;
  /** How many calls wait. */
  readonly held: number;
  /** Lets the call at this place among those that wait have its answer. */
  release(index: number): void;
}

export function createMemoryTable({ schema, key }: LookupContext, keysMax = 1): MemoryTable {
  const asked: RowObject[] = [];
  const waiting: (() => void)[] = [];
  let rows: readonly RowObject[] = [];
  let [isUp, holds] = [true, false];

  const answer = (wanted: RowObject): Batch => {
    const builder = new BatchBuilder(64);
    const isWanted = (row: RowObject) => key.fields.every(({ name }) => row[name] === wanted[name]);
    for (const row of rows.filter(isWanted)) encodeObject(schema, row, builder);
    return copyOf(builder.batch());
  };
  return {
    keysMax,
    asked,
    get held() {
      return waiting.length;
    },
    fill: (all) => {
      rows = all;
    },
    stop: () => {
      isUp = false;
    },
    start: () => {
      isUp = true;
    },
    hold: () => {
      holds = true;
    },
    release: (index) => waiting.splice(index, 1)[0]?.(),
    async lookup(keys, signal) {
      asked.push(...keys);
      if (holds) {
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve);
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      }
      if (!isUp) throw new Error('nobody answers');
      return keys.map(answer);
    },
    close: async () => {},
  };
}
