import { z } from 'zod';
import { HTTP_KEY_CHARS_MAX } from '../../server-limits.ts';

/** The answer to records that were stored. */
export const recordsAnswer = z
  .object({
    records: z.int().describe('how many the request had'),
    partition: z.int(),
    position: z.number().describe('where they stand in the log of the partition'),
    repeated: z.boolean().describe('an earlier request with this Idempotency-Key stored them'),
  })
  .meta({ id: 'RecordsStored' });

/** The answer when the input of a source was ended. */
export const inputEndedAnswer = z.object({ ended: z.literal(true) }).meta({ id: 'InputEnded' });

export const recordsHeaders = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(HTTP_KEY_CHARS_MAX)
    .regex(/^[\x21-\x7e]+$/, 'expected printable characters without spaces')
    .optional()
    .describe('names the request and its retries: stored once, however often it is sent'),
});
