import { z } from 'zod';
import { LOOKUP_CACHE_MAX, LOOKUP_CAPACITY_MAX, RETRIES_MAX } from '../../../limits.ts';
import { countSchema, durationSchema } from '../quantity-schema.ts';

/** A table outside and how it is asked. Keys that are not listed are options of the connector, which checks them. */
export const lookupSchema = z
  .object({
    connector: z.string().describe('the connector that looks rows up: http, postgres'),
    ordered: z
      .boolean()
      .optional()
      .describe('whether results leave in the order of the records; true unless given'),
    capacity: countSchema(1, LOOKUP_CAPACITY_MAX)
      .optional()
      .describe('records that may be under way in one task; 100 unless given'),
    timeout: durationSchema.optional().describe('of one request; 5s unless given'),
    retries: countSchema(0, RETRIES_MAX)
      .optional()
      .describe('repetitions of a request that gets no answer; 3 unless given'),
    backoff: durationSchema
      .optional()
      .describe('before the first repetition, doubling; 100ms unless given'),
    whenDown: z
      .enum(['fail', 'wait'], { error: 'expected "fail" or "wait"' })
      .optional()
      .describe(
        'after the repetitions the job fails ("fail", unless given), or they go on until there is an answer',
      ),
    cache: z
      .strictObject({
        size: countSchema(1, LOOKUP_CACHE_MAX).describe('answers that one task remembers'),
        ttl: durationSchema.describe('for how long an answer is remembered'),
      })
      .optional()
      .describe('remembers answers, also that there is no row; not unless given'),
  })
  .catchall(z.json());

/** The keys of a lookup that are not its connector's. */
export const LOOKUP_KEYS = Object.keys(lookupSchema.shape);
