import { z } from 'zod';
import { RETRIES_MAX } from '../../limits.ts';
import { countSchema, delaySchema } from './quantity-schema.ts';

const verdictSchema = z.enum(['fail', 'skip', 'deadLetter'], {
  error: 'expected "fail", "skip" or "deadLetter"',
});

/** What a step does with a record its function fails on. */
export const errorPolicySchema = z
  .union(
    [
      verdictSchema,
      z.strictObject({
        retry: countSchema(1, RETRIES_MAX).describe('attempts after the first'),
        backoff: delaySchema
          .optional()
          .describe('wait before the first retry, doubling; guest functions are retried at once'),
        // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
        then: verdictSchema.describe('when every attempt failed'),
      }),
    ],
    { error: 'expected "fail", "skip", "deadLetter" or { retry, then }' },
  )
  .describe('what happens to a record the function fails on; "fail" unless given');

/** What a source does with a record it cannot decode: there is nothing to retry. */
export const malformedPolicySchema = verdictSchema.describe(
  'what happens to a record that cannot be decoded; "fail" unless given',
);
