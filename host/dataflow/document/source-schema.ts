import { z } from 'zod';
import { PARALLELISM_MAX } from '../../limits.ts';
import { malformedPolicySchema } from './error-policy-schema.ts';
import { countSchema, delaySchema, durationSchema } from './quantity-schema.ts';
import { memberSchema } from './reference-schema.ts';

const eventTimeSchema = z.strictObject({
  field: z.string().describe('a field of type timestamp, or i64 of milliseconds'),
  outOfOrderness: delaySchema
    .optional()
    .describe('how much later than a later record one may come; 0ms unless given'),
  idle: durationSchema
    .optional()
    .describe('after this long without a record a partition holds back no watermark'),
});

/** Where records come from. Keys that are not listed are options of the connector, which checks them. */
export const sourceSchema = z
  .object({
    connector: z.string().describe('the connector that reads: file, generator, stdin, …'),
    record: memberSchema('Record').optional().describe('the record type, where no step says it'),
    eventTime: eventTimeSchema.optional(),
    onError: malformedPolicySchema.optional(),
    parallelism: countSchema(1, PARALLELISM_MAX).optional(),
  })
  .catchall(z.json());

/** The keys of a source that are not its connector's. */
export const SOURCE_KEYS = Object.keys(sourceSchema.shape);
