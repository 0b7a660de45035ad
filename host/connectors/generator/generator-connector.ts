import { type Clock, systemClock } from '../../clock.ts';
import { checkOptions } from '../check-options.ts';
import type { Connector } from '../connector.ts';
import { generatorOptions } from './generator-options.ts';
import { GeneratorReader } from './generator-reader.ts';

/**
 * The `generator` connector: makes records of the schema that is asked of it, for tests, demos and measurements.
 *
 * - `count`: records in all; endless unless given.
 * - `rate`: records a second in all; as fast as they are taken unless given.
 * - `seed`: another seed, other random values (1).
 * - `splits`: parts that can be made in parallel (1).
 * - `fields`: by field name one rule, and `nulls` (the share of nulls, for optional types):
 *   `sequence: { start: 0, step: 1 }` · `uniform: { min, max }` (both included for integers) · `choice: […]` ·
 *   `words: { of: […], count }` · `timestamp: { start, step, jitter }` (jitter: at most so much earlier).
 *   Without a rule: numbers count, floats are in [0, 1), strings are one of ten, timestamps advance by 1 ms, lists and bytes are empty.
 *
 * Offsets: records made per split. End-to-end: *replayable*: record `i` is the same in every run, so the job is exactly-once
 * with respect to it.
 *
 *     bids: { connector: generator, count: 1000000, fields: { price: { uniform: { min: 1, max: 100 } } } }
 */
export function createGeneratorConnector(clock: Clock): Connector {
  return {
    name: 'generator',
    source(options) {
      const checked = checkOptions(generatorOptions, options);
      if (!checked.ok) return checked;
      const generator = checked.value;
      return {
        ok: true,
        value: {
          schema: undefined,
          guarantee: 'replayable',
          splits: async () =>
            Array.from({ length: generator.splits }, (_, i) => ({
              id: `generator-${i}`,
              spec: i,
              position: undefined,
            })),
          open: async (splits, context) => new GeneratorReader(splits, context, generator, clock),
        },
      };
    },
  };
}

/** The `generator` connector on the real clock. */
export const generatorConnector = createGeneratorConnector(systemClock);
