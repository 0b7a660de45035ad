import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JoinSpec, JoinType } from '../../../host/dataflow/join-spec.ts';
import { createEngineStateTable } from '../../../host/state/engine-state-table.ts';
import { createMapStateTable } from '../../../host/state/map-state-table.ts';
import { createJoinBench, type JoinRow, joinSpec } from '../../kit/join-bench.ts';
import { joinInput } from '../../kit/join-input.ts';
import { checkJoin, type Oracle } from './check-join.ts';
import type { Said } from './join-oracle.ts';

const LIVES = { map: createMapStateTable, engine: createEngineStateTable };
const type = fc.constantFrom<JoinType>('inner', 'left', 'semi', 'anti');

interface Version extends JoinRow {
  /** The place among all right rows. */
  readonly order: number;
}

/** All left rows wait in a list, all right rows are versions for ever. */
function temporalOracle({ type }: JoinSpec): Oracle {
  let waiting: JoinRow[] = [];
  const versions: Version[] = [];
  let watermarkMs = Number.NEGATIVE_INFINITY;
  const timeOf = (row: JoinRow) => row.time ?? Number.NEGATIVE_INFINITY;

  function met(row: JoinRow): Said[] {
    const valid = versions
      .filter((one) => one.key === row.key && timeOf(one) <= timeOf(row))
      .sort((a, b) => timeOf(a) - timeOf(b) || a.order - b.order);
    const version = valid.at(-1);
    const alone = { side: '', left: row.id, time: row.time };
    if (type === 'semi' || type === 'anti') {
      return (version !== undefined) === (type === 'semi') ? [alone] : [];
    }
    if (version === undefined) return type === 'left' ? [alone] : [];
    return [{ ...alone, right: version.id }];
  }

  const advance = (timeMs: number) => {
    watermarkMs = timeMs;
    const due = waiting.filter((row) => timeOf(row) <= timeMs);
    waiting = waiting.filter((row) => timeOf(row) > timeMs);
    return due.flatMap(met);
  };
  return {
    rows(side, rows) {
      if (side === 1) {
        for (const row of rows) versions.push({ ...row, order: versions.length });
        return [];
      }
      const isLate = (row: JoinRow) => row.time === undefined || row.time <= watermarkMs;
      waiting.push(...rows.filter((row) => !isLate(row)));
      return rows.filter(isLate).map(({ id, time }) => ({ side: 'lateLeft', left: id, time }));
    },
    watermark: advance,
    end: () => advance(Number.POSITIVE_INFINITY),
  };
}

for (const [life, createStateTable] of Object.entries(LIVES)) {
  describe(`with state in the ${life}, at parallelism 1 and 3, with kills and rescales`, () => {
    test('temporal joins of every type equal their definition', () => {
      fc.assert(
        fc.property(type, joinInput, (type, input) => {
          const spec = joinSpec(type, { kind: 'temporal' });
          checkJoin(spec, temporalOracle(spec), input, createStateTable);
        }),
        { numRuns: 2_000 },
      );
    }, 300_000);
  });
}

test('versions that no left row can meet any more are forgotten', () => {
  const spec = joinSpec('inner', { kind: 'temporal' });
  const bench = createJoinBench({ spec, parallelism: 1, createStateTable: createMapStateTable });
  const [operator] = bench.operators;
  const version = (time: number) => bench.rows(1, [{ key: 'a', id: time, time }]);
  version(0);
  const one = operator.counters.stateBytes;
  for (let time = 10; time < 1_000; time += 10) {
    version(time);
    bench.watermark(time + 5);
  }
  // The one that holds, and those that came since the last look.
  expect(operator.counters.stateBytes).toBeLessThan(4 * one);
});
