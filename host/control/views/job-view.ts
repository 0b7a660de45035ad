import type { z } from 'zod';
import type { JobReport } from '../../runtime/running-job.ts';
import type { exceptionListAnswer, jobAnswer, jobDetailAnswer } from '../schemas/job-answer.ts';
import { isFinal, type StoredJob } from '../stored-job.ts';
import type { SupervisedJob } from '../supervised-job.ts';
import { checkpointView } from './checkpoint-view.ts';
import { errorView } from './error-view.ts';

/** A job as the list shows it; `report` is its runner's, or what the last one left. */
export function jobView(
  job: SupervisedJob,
  report: JobReport | undefined,
): z.output<typeof jobAnswer> {
  const { stored } = job;
  return {
    id: stored.id,
    name: stored.plan.name,
    state: stored.state,
    paused: isFinal(stored.state) ? false : isPaused(stored, report),
    desired: stored.desired,
    attempt: stored.attempt,
    restarts: stored.restarts,
    createdAtMs: stored.createdAtMs,
    startedAtMs: stored.startedAtMs,
    endedAtMs: stored.endedAtMs,
    pid: job.runner === undefined ? null : (report?.pid ?? null),
    error: stored.error === null ? null : errorView(stored.error),
  };
}

function isPaused(stored: StoredJob, report: JobReport | undefined): boolean {
  return report === undefined || report.state === 'ended'
    ? stored.desired === 'paused'
    : report.state === 'paused';
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
    warnings: [...(report?.warnings ?? [])],
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
