import { z } from 'zod';
import { PARALLELISM_MAX } from '../../limits.ts';
import { countSchema } from './quantity-schema.ts';
import { fromSchema } from './reference-schema.ts';

/** Where records go. Keys that are not listed are options of the connector, which checks them. */
export const sinkSchema = z
  .object({
    from: fromSchema,
    connector: z.string().describe('the connector that writes: file, stdout, memory, …'),
    parallelism: countSchema(1, PARALLELISM_MAX).optional(),
  })
  .catchall(z.json());

/** The keys of a sink that are not its connector's. */
export const SINK_KEYS = Object.keys(sinkSchema.shape);
