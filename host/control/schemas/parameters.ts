import { z } from 'zod';

/** Parts of paths. What they may be is checked where they are looked up, with the error that fits. */
export const jobPath = z.object({ job: z.string() });
export const stepPath = z.object({ job: z.string(), step: z.string() });
export const sourcePath = z.object({ job: z.string(), source: z.string() });
export const sinkPath = z.object({ job: z.string(), sink: z.string() });
export const statePath = z.object({ job: z.string(), step: z.string(), state: z.string() });
export const updatePath = z.object({ job: z.string(), update: z.coerce.number().int() });
export const modulePath = z.object({ name: z.string() });
export const versionPath = z.object({
  name: z.string(),
  version: z.string().describe('a positive whole number, or `latest`'),
});

export const submitQuery = z.object({
  dryRun: z.enum(['true', 'false']).default('false').describe('validate and plan, start nothing'),
  baseDirectory: z
    .string()
    .optional()
    .describe("absolute path that the document's relative paths start at; default: the server's"),
  parallelism: z.coerce.number().int().positive().optional(),
  savepoint: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('begin with this savepoint: a name, or without a token also an absolute path'),
  allowDroppedState: z
    .enum(['true', 'false'])
    .default('false')
    .describe('leave behind the state of operators that the document does not have'),
});

export const cancelQuery = z.object({
  purge: z
    .enum(['true', 'false'])
    .default('false')
    .describe('also forget the job and remove its files'),
});

export const compileQuery = z.object({
  version: z.string().optional().describe('the number it gets; default: the next'),
});

export const deadLetterQuery = z.object({
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});
