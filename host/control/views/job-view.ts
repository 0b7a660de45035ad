import type { z } from 'zod';
import type { JobReport } from '../../runtime/running-job.ts';
import type { exceptionListAnswer, jobAnswer, jobDetailAnswer } from '../schemas/job-answer.ts';
import type { StoredJob } from '../stored-job.ts';
import type { SupervisedJob } from '../supervised-job.ts';
import { checkpointView } from './checkpoint-view.ts';
import { errorView } from './error-view.ts';

/** A job as the list shows it; `report` is its runner's, if it has one. */
export function jobView(
  job: SupervisedJob,
  report: JobReport | undefined,
): z.output<typeof jobAnswer> {
  const { stored } = job;
  return {
    id: stored.id,
    name: stored.plan.name,
    state: stored.state,
    paused: report === undefined ? stored.desired === 'paused' : report.state === 'paused',
    desired: stored.desired,
    attempt: stored.attempt,
    restarts: stored.restarts,
    createdAtMs: stored.createdAtMs,
    startedAtMs: stored.startedAtMs,
    endedAtMs: stored.endedAtMs,
    pid: report?.pid ?? null,
    error: stored.error === null ? null : errorView(stored.error),
  };
}

/** A job in full. */
export function jobDetailView(
  job: SupervisedJob,
  report: JobReport | undefined,
): z.output<typeof jobDetailAnswer> {
  const { stored } = job;
  const checkpoint = report?.checkpoint;
  return {
    ...jobView(job, report),
    parallelism: stored.plan.parallelism,
    modules: { ...(report?.modules ?? stored.modules) },
    checkpoint: checkpoint === undefined ? null : checkpointView(checkpoint),
    pipeline: stored.pipeline,
  };
}

export function exceptionsView(stored: StoredJob): z.output<typeof exceptionListAnswer> {
  return {
    exceptions: stored.exceptions.map((exception) => ({
      ...errorView(exception),
      atMs: exception.atMs,
      attempt: exception.attempt,
      scope: exception.scope,
    })),
  };
}

/** What the job's runner says of itself, or what the last one left. Nothing when it has not said anything yet. */
export async function reportOf(job: SupervisedJob): Promise<JobReport | undefined> {
  try {
    return await job.runner?.status();
  } catch {
    // It was lost this moment; the stored job will say so.
    return undefined;
  }
}
