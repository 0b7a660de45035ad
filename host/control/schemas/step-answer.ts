import { z } from 'zod';
import { TAP_ROWS_MAX } from '../../server-limits.ts';

/** The state of one key. */
export const stateAnswer = z
  .object({
    found: z.boolean().describe('whether the key has a state'),
    value: z.unknown().describe('the record, or the value of the named state; null without one'),
  })
  .meta({ id: 'StateOfKey' });

export const stateQuery = z.object({
  key: z
    .string()
    .max(65_536)
    .describe('the value of the key, or, of a key of several fields, a JSON object of them'),
});

export const tapQuery = z.object({
  rows: z.coerce
    .number()
    .int()
    .min(1)
    .max(TAP_ROWS_MAX)
    .default(10)
    .describe('of each task, three times a second at most'),
});
