import { z } from 'zod';
import { KEY_GROUPS_MAX, PARALLELISM_MAX } from '../../limits.ts';
import { countSchema, durationSchema, nameSchema } from './quantity-schema.ts';
import { restartSchema } from './restart-schema.ts';
import { sinkSchema } from './sink-schema.ts';
import { sourceSchema } from './source-schema.ts';
import { stepSchema } from './step-kinds.ts';

const checkpointSchema = z.strictObject({
  every: z
    .union([z.literal('off'), durationSchema], {
      error: 'expected a duration such as "500ms" or "10s", or "off"',
    })
    .optional()
    .describe('interval; "off" = only on demand and at the end; 10s unless given'),
  timeout: durationSchema.optional().describe('after this long a checkpoint is given up'),
  retain: countSchema(1, 1_000).optional().describe('completed checkpoints that are kept'),
  minPause: durationSchema
    .optional()
    .describe('from the end of one checkpoint to the begin of the next, at least'),
  unaligned: z
    .boolean()
    .optional()
    .describe(
      'barriers overtake waiting records, which become part of the checkpoint: checkpoints stay short under backpressure',
    ),
});

/** The whole document. Names, types and connector options are checked later, against modules and connectors. */
export const pipelineSchema = z.strictObject({
  name: nameSchema,
  parallelism: countSchema(1, PARALLELISM_MAX)
    .optional()
    .describe('parallel tasks of each source and step; 1 unless given'),
  keyGroups: countSchema(1, KEY_GROUPS_MAX)
    .optional()
    .describe('parts that keyed state is dealt by; bounds the parallelism; never change it'),
  checkpoint: checkpointSchema.optional(),
  restart: restartSchema.optional(),
  modules: z
    .record(nameSchema, z.string().min(1, { error: 'expected a module' }))
    .optional()
    .describe(
      'alias → catalog version (word-count@1) or file (./word-count.wasm, ./word-count.ts)',
    ),
  sources: z.record(nameSchema, sourceSchema),
  steps: z.record(nameSchema, stepSchema).optional(),
  sinks: z.record(nameSchema, sinkSchema),
});
