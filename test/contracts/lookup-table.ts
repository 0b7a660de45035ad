import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RowObject } from '../../host/abi/row-object.ts';
import type { LookupTable } from '../../host/connectors/lookup.ts';
import { MillraceError } from '../../host/errors.ts';
import type { KeySpec } from '../../host/model/key-spec.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { keyOf } from '../kit/keyed-rows.ts';
import { decodeBatch } from '../kit/rows.ts';

export const ITEM: RecordSchema = {
  name: 'Item',
  fields: [
    { name: 'id', type: { kind: 'i64' } },
    { name: 'shop', type: { kind: 'string' } },
    { name: 'price', type: { kind: 'optional', of: { kind: 'f64' } } },
  ],
};
export const ITEM_KEY: KeySpec = keyOf(ITEM, 'id', 'shop');

/** Rows of a table of items, and how the table is made to fail. */
export interface LookupPlace {
  open(): LookupTable;
  /** Puts these rows into the table, all of them. */
  fill(rows: readonly RowObject[]): Promise<void>;
  /** From now on nobody answers, until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What every table does that rows are looked up in. */
export function lookupTableContract(name: string, create: () => Promise<LookupPlace>): void {
  describe(`lookup table: ${name}`, () => {
    const rows = [
      { id: 1n, shop: 'a/b c', price: 1.5 },
      { id: 1n, shop: 'ß "x" {y}', price: null },
      { id: 9_007_199_254_740_993n, shop: '', price: 0 },
      { id: 7n, shop: 'two', price: 1 },
      { id: 7n, shop: 'two', price: 2 },
    ];
    let place: LookupPlace;
    let table: LookupTable;
    beforeAll(async () => {
      place = await create();
      await place.fill(rows);
      table = place.open();
    }, 60_000);
    afterAll(async () => {
      await table.close();
      await place.close();
    });

    const ask = async (...keys: readonly RowObject[]) => {
      const answers: unknown[] = [];
      for (let from = 0; from < keys.length; from += table.keysMax) {
        const some = keys.slice(from, from + table.keysMax);
        const batches = await table.lookup(some, new AbortController().signal);
        answers.push(...batches.map((batch) => decodeBatch(ITEM, batch)));
      }
      return answers;
    };

    test('gives the rows of each key, in the order of the keys, and none where there is none', async () => {
      const [slash, quote, large] = rows;
      expect(
        await ask(
          { id: 1n, shop: 'ß "x" {y}' },
          { id: 5n, shop: 'a' },
          { id: 9_007_199_254_740_993n, shop: '' },
          { id: 1n, shop: 'a/b c' },
        ),
      ).toEqual([[quote], [], [large], [slash]]);
    });

    test('gives all rows of a key that has several', async () => {
      const [both] = (await ask({ id: 7n, shop: 'two' })) as RowObject[][];
      expect(both.map(({ price }) => price).sort()).toEqual([1, 2]);
    });

    test('takes calls that overlap', async () => {
      const keys = rows.slice(0, 3).map(({ id, shop }) => ({ id, shop }));
      const answers = await Promise.all(keys.map((key) => ask(key)));
      expect(answers).toEqual(rows.slice(0, 3).map((row) => [[row]]));
    });

    test('rejects while nobody answers, with nothing that is a record’s fault, and answers again later', async () => {
      await place.stop();
      const failure = await ask({ id: 1n, shop: 'a/b c' }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(failure).toBeInstanceOf(Error);
      expect(MillraceError.from(failure).scope).not.toBe('record');
      await place.start();
      await expect
        .poll(() => ask({ id: 1n, shop: 'a/b c' }).catch(() => 'down'), { timeout: 20_000 })
        .toEqual([[rows[0]]]);
    }, 60_000);
  });
}
