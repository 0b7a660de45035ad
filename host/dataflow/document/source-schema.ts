import { z } from 'zod';
import { PARALLELISM_MAX } from '../../limits.ts';
import { malformedPolicySchema } from './error-policy-schema.ts';
import { eventTimeSchema } from './event-time-schema.ts';
import { countSchema } from './quantity-schema.ts';
import { memberSchema } from './reference-schema.ts';

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
