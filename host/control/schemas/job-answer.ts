import { z } from 'zod';
import { checkpointAnswer } from './checkpoint-answer.ts';
import { errorAnswer } from './error-answer.ts';

/**
 * `created` has no runner yet · `running` has one · `restarting` lost it and gets another after the backoff · the
 * others are final.
 */
export const jobState = z.enum([
  'created',
  'running',
  'restarting',
  'finished',
  'failed',
  'stopped',
  'cancelled',
]);

/** A job as the list shows it. */
export const jobAnswer = z
  .object({
    id: z.string(),
    name: z.string().describe("the pipeline's name"),
    state: jobState,
    paused: z.boolean().describe('its sources do not read until it is resumed'),
    desired: z.enum(['running', 'paused', 'stopped', 'cancelled']),
    attempt: z.int().describe('starts so far'),
    restarts: z.int().describe('starts after a failure'),
    createdAtMs: z.number(),
    startedAtMs: z.number().nullable().describe('start of the latest attempt'),
    endedAtMs: z.number().nullable(),
    pid: z.int().nullable().describe('of the runner process, while there is one'),
    error: errorAnswer.nullable().describe('why it failed, or why it was restarted last'),
  })
  .meta({ id: 'Job' });

/** A job as `jobs show` shows it. */
export const jobDetailAnswer = jobAnswer
  .extend({
    parallelism: z.int(),
    modules: z
      .record(z.string(), z.object({ ref: z.string(), digest: z.string() }))
      .describe('step id → the module version that it runs now'),
    checkpoint: checkpointAnswer.nullable().describe('the latest completed one'),
    warnings: z
      .array(z.string())
      .describe('damaged checkpoints that its latest attempt passed over'),
    pipeline: z.unknown().describe('the document as it was submitted'),
  })
  .meta({ id: 'JobDetail' });

export const jobListAnswer = z.object({ jobs: z.array(jobAnswer) }).meta({ id: 'JobList' });

/** The answer to `stop`: the job, and the checkpoint that it can be taken up from. */
export const jobStoppedAnswer = z
  .object({
    job: jobAnswer,
    checkpoint: checkpointAnswer.nullable(),
    savepoint: z.string().nullable().describe('the folder of the savepoint that it left'),
  })
  .meta({ id: 'JobStopped' });

/** Failures of a job, oldest first. */
export const exceptionListAnswer = z
  .object({
    exceptions: z.array(
      errorAnswer.extend({
        atMs: z.number(),
        attempt: z.int(),
        scope: z.string().describe('`task` = restarted, `job` = given up'),
      }),
    ),
  })
  .meta({ id: 'ExceptionList' });
