import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { CreateStateTable, StateTable } from '../../host/state/state-table.ts';
import { batchOf, batchOfRows, rowsOf, tagged, viewOf } from '../kit/keyed-rows.ts';
import {
  ALL_GROUPS,
  BY_ALL,
  BY_PAGE,
  BY_USER,
  entriesByGroup,
  KEY_GROUPS,
  keyedBatch,
  stateRow,
  textOf,
  update,
  VISIT,
  visit,
} from '../kit/state-rows.ts';

/** What every state table does with rows that it looks at and leaves as they are. */
export function stateViewContract(name: string, createTable: CreateStateTable): void {
  const create = (): StateTable =>
    createTable({ keyGroups: KEY_GROUPS, range: ALL_GROUPS, bytesMax: 2 ** 30 });

  describe(`view of a state table: ${name}`, () => {
    test('a view numbers a copy of the rows, whose tags are hashes or nothing', () => {
      const objects = [{ page: 'a' }, { page: 'b'.repeat(40) }, { user: 1 }, { page: 'a' }, {}];
      for (const key of [BY_USER, BY_PAGE, BY_ALL]) {
        const table = create();
        update(table, { objects: objects.slice(1), key }, (_, i) => `state ${i}`);
        const hashed = keyedBatch(objects, key);
        const plain = batchOf(VISIT, objects.map(visit));
        const before = plain.bytes.slice();
        const views = [true, false].map((isHashed) => {
          const view = table.view(isHashed ? hashed : plain, key, isHashed);
          const tags = (batch: Batch) => rowsOf(batch).map((row) => viewOf(row).getUint32(4, true));
          const rows = rowsOf(view.rows).map((row) =>
            Buffer.from(tagged(row.slice(), 0)).toString('hex'),
          );
          const states = rowsOf(view.states).map(textOf);
          return {
            ordinals: tags(view.rows),
            rows,
            states,
            tags: tags(view.states),
            keys: view.keys,
          };
        });
        expect(views[1]).toEqual(views[0]);
        expect(plain.bytes).toEqual(before);
        expect(hashed).toEqual(keyedBatch(objects, key));
        const numbered = keyedBatch(objects, key);
        const states = new BatchBuilder();
        expect(table.resolve(numbered, key, states)).toBe(views[0].keys);
        expect(views[0].ordinals).toEqual(
          rowsOf(numbered).map((row) => viewOf(row).getUint32(4, true)),
        );
        expect(views[0].states).toEqual(rowsOf(states.batch()).map(textOf));
      }
    });

    test('what a view of hashed and of unhashed rows stores is the same', () => {
      const objects = Array.from({ length: 500 }, (_, i) => ({ user: i % 70, page: `${i % 9}` }));
      for (const key of [BY_USER, BY_PAGE, BY_ALL]) {
        const snapshots = [true, false].map((hashed) => {
          const table = create();
          const batch = hashed ? keyedBatch(objects, key) : batchOf(VISIT, objects.map(visit));
          const { keys } = table.view(batch, key, hashed);
          table.apply(batchOfRows(Array.from({ length: keys }, (_, i) => stateRow(i, `${i}`))));
          return entriesByGroup(table.snapshot());
        });
        expect(snapshots[1]).toEqual(snapshots[0]);
      }
    });
  });
}
