import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { JoinHow, JoinType } from '../../../host/dataflow/join-spec.ts';
import { createEngineStateTable } from '../../../host/state/engine-state-table.ts';
import { createMapStateTable } from '../../../host/state/map-state-table.ts';
import { joinSpec } from '../../kit/join-bench.ts';
import { joinInput } from '../../kit/join-input.ts';
import { checkJoin } from './check-join.ts';
import { JoinOracle } from './join-oracle.ts';

const LIVES = { map: createMapStateTable, engine: createEngineStateTable };
const CASES = 2_000;

const type = fc.constantFrom<JoinType>('inner', 'left', 'right', 'full', 'semi', 'anti');
const bound = fc.integer({ min: -12, max: 12 });
const interval: fc.Arbitrary<JoinHow> = fc.tuple(bound, bound).map(([a, b]) => ({
  kind: 'interval',
  lowerMs: Math.min(a, b),
  upperMs: Math.max(a, b),
}));
const regular: fc.Arbitrary<JoinHow> = fc.record({
  kind: fc.constant('regular' as const),
  ttlMs: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
});

for (const [life, createStateTable] of Object.entries(LIVES)) {
  describe(`with state in the ${life}, at parallelism 1 and 3, with kills and rescales`, () => {
    test.each([
      ['interval', interval],
      ['regular', regular],
    ] as const)(
      '%s joins of every type equal their definition',
      (_, how) => {
        fc.assert(
          fc.property(type, how, joinInput, (type, how, input) => {
            const spec = joinSpec(type, how);
            checkJoin(spec, new JoinOracle(spec), input, createStateTable);
          }),
          { numRuns: CASES },
        );
      },
      300_000,
    );
  });
}
