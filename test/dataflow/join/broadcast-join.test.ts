import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JoinHow, JoinSpec, JoinType } from '../../../host/dataflow/join-spec.ts';
import { createEngineStateTable } from '../../../host/state/engine-state-table.ts';
import { createMapStateTable } from '../../../host/state/map-state-table.ts';
import { createJoinBench, type JoinRow, joinSpec } from '../../kit/join-bench.ts';
import { joinInput } from '../../kit/join-input.ts';
import { checkJoin, type Oracle } from './check-join.ts';

const LIVES = { map: createMapStateTable, engine: createEngineStateTable };
const type = fc.constantFrom<JoinType>('inner', 'left', 'semi', 'anti');
const how: fc.Arbitrary<JoinHow> = fc.record({
  kind: fc.constant('broadcast' as const),
  keep: fc.constantFrom('latest' as const, 'all' as const),
});

function broadcastOracle({ type, how }: JoinSpec): Oracle {
  const table: JoinRow[] = [];
  const latest = how.kind === 'broadcast' && how.keep === 'latest';
  return {
    rows(side, rows) {
      if (side === 1) {
        table.push(...rows);
        return [];
      }
      return rows.flatMap(({ key, id, time }) => {
        const all = table.filter((one) => one.key === key);
        const partners = latest ? all.slice(-1) : all;
        const alone = { side: '', left: id, time };
        if (type === 'semi') return partners.length > 0 ? [alone] : [];
        if (type === 'anti') return partners.length === 0 ? [alone] : [];
        if (partners.length === 0) return type === 'left' ? [alone] : [];
        return partners.map((one) => ({ ...alone, right: one.id }));
      });
    },
    watermark: () => [],
    end: () => [],
  };
}

for (const [life, createStateTable] of Object.entries(LIVES)) {
  describe(`with state in the ${life}, at parallelism 1 and 3, with kills and rescales`, () => {
    test('broadcast joins of every type equal their definition', () => {
      fc.assert(
        fc.property(type, how, joinInput, (type, how, input) => {
          const spec = joinSpec(type, how);
          checkJoin(spec, broadcastOracle(spec), input, createStateTable);
        }),
        { numRuns: 2_000 },
      );
    }, 300_000);
  });
}

test('every task keeps the right side whole', () => {
  const spec = joinSpec('inner', { kind: 'broadcast', keep: 'all' });
  const bench = createJoinBench({ spec, parallelism: 3, createStateTable: createMapStateTable });
  bench.rows(1, [
    { key: 'a', id: 1, time: 1 },
    { key: 'b', id: 2, time: 1 },
    { key: 'c', id: 3, time: 1 },
  ]);
  expect(bench.operators.map((one) => one.counters.stateEntries)).toEqual([3, 3, 3]);
});
