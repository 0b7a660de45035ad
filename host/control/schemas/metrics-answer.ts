import { z } from 'zod';
import { OPERATOR_KINDS } from '../../dataflow/plan.ts';

const operatorMetrics = z.object({
  id: z.string(),
  kind: z.enum(OPERATOR_KINDS),
  parallelism: z.int(),
  version: z.string().nullable().describe('module version that runs, for steps with a function'),
  watermarkMs: z.number().nullable(),
  currentWatermark: z
    .number()
    .nullable()
    .describe('the same, as Flink calls it: lowest watermark of the tasks, ms since the epoch'),
  lagBytes: z.number().nullable().describe('bytes not yet read, where the source knows'),
  recordsIn: z.number(),
  recordsOut: z.number(),
  bytesIn: z.number(),
  bytesOut: z.number(),
  batches: z.number(),
  fuel: z.number(),
  traps: z.number(),
  skipped: z.number(),
  deadLetters: z.number(),
  windowedRecords: z.number().describe('records that are in a window'),
  lateRecords: z.number().describe('records that came late and left by the side output "late"'),
  droppedRecords: z.number().describe('records that came late, and nobody reads them'),
  stateEntries: z.number(),
  stateBytes: z.number(),
  userMetrics: z
    .array(z.object({ name: z.string(), kind: z.enum(['counter', 'gauge']), value: z.number() }))
    .describe("what the step's function counts and measures itself"),
});

/** Totals of the latest attempt. Rates are the reader's to compute from two answers. */
export const metricsAnswer = z
  .object({
    atMs: z.number(),
    operators: z.array(operatorMetrics),
    checkpoints: z.object({ completed: z.number(), failed: z.number() }),
    process: z.object({ rssBytes: z.number(), cpuMs: z.number() }),
  })
  .meta({ id: 'Metrics' });
