import { MillraceError } from '../errors.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { JobOutcome, JobReport, RunningJob } from './running-job.ts';

/** What is left of a job's attempt when it has ended. */
export interface JobRemains {
  readonly outcome: JobOutcome;
  /** Its last report and numbers. */
  readonly report: JobReport;
  readonly metrics: JobMetrics;
}

/** The life of a `RunningJob` after its end: it still tells what it was, and nothing can be asked of it any more. */
export function createEndedJob(remains: JobRemains): RunningJob {
  const refuse = async (): Promise<never> => {
    const { id } = remains.report;
    throw new MillraceError('JOB_STATE', `job "${id}" has ended: ${remains.outcome.kind}`, {
      hint: 'only a running job can do this',
    });
  };
  return {
    status: async () => remains.report,
    metrics: async () => remains.metrics,
    cancel: async () => {},
    checkpoint: refuse,
    savepoint: refuse,
    peek: refuse,
    stop: refuse,
    update: refuse,
    pause: refuse,
    resume: refuse,
    subscribe: () => () => {},
    ended: Promise.resolve(remains.outcome),
  };
}

/** The remains of an attempt of which nothing but the outcome is known. */
export function bareRemains(
  job: Pick<JobReport, 'id' | 'attempt' | 'modules' | 'pid'>,
  outcome: JobOutcome,
): JobRemains {
  const { id, attempt, modules, pid } = job;
  return {
    outcome,
    report: { id, attempt, modules, pid, state: 'ended', checkpoint: undefined },
    metrics: {
      atMs: Date.now(),
      operators: [],
      checkpoints: { completed: 0, failed: 0 },
      process: { rssBytes: 0, cpuMs: 0 },
    },
  };
}
