import { z } from 'zod';

export const logLevel = z.enum(['debug', 'info', 'warn', 'error']);

/** One line of a job's log: of the job itself, or of a guest function. */
export const logEntry = z
  .object({
    atMs: z.number(),
    level: logLevel,
    step: z.string().nullable().describe('the step whose function wrote it; null for the job'),
    version: z.string().nullable().describe('the module version that wrote it'),
    task: z.int().nullable(),
    text: z.string(),
  })
  .meta({ id: 'LogEntry' });

export const logListAnswer = z
  .object({ entries: z.array(logEntry).describe('oldest first') })
  .meta({ id: 'LogList' });

/** Which lines, and whether to go on as they are written. */
export const logQuery = z.object({
  follow: z
    .enum(['true', 'false'])
    .default('true')
    .describe('`true`: server-sent events, one entry each; `false`: a list'),
  step: z.string().optional(),
  version: z.string().optional(),
  level: logLevel.default('debug').describe('the lowest level shown'),
  limit: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(1_000)
    .describe('latest entries of the past'),
});
