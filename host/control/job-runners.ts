import { attachRunner } from '../runtime/attach-runner.ts';
import type { JobRemains } from '../runtime/ended-job.ts';
import { fenceRunners } from '../runtime/fence-runners.ts';
import type { JobSpec } from '../runtime/job-spec.ts';
import type { RunnerClient } from '../runtime/runner-client.ts';
import { readRemains, readSpec } from '../runtime/runner-directory.ts';
import { spawnRunner } from '../runtime/spawn-runner.ts';
import type { WarmRunner } from '../runtime/warm-runner.ts';

/** How a supervised job gets at runners. Tests hand in runners without processes. */
export interface JobRunners {
  /** Ends earlier attempts, starts this one. Throws `RUNNER_LOST` and what `startJob` throws. */
  spawn(spec: JobSpec): Promise<RunnerClient>;
  /** The runner of the latest attempt, if it lives and answers. */
  attach(directory: string): Promise<RunnerClient | undefined>;
  /** The attempt that was started last; 0 when there was none. */
  latestAttempt(directory: string): number;
  /** What an attempt left when it ended. */
  remains(directory: string, attempt: number): JobRemains | undefined;
  /** Kills every runner up to and including this attempt. */
  kill(directory: string, attempt: number): Promise<void>;
}

/** Runners as processes. `cacheDirectory` is where Node keeps compiled code between them; `environment` is what they get to know. */
export function processRunners(
  cacheDirectory: string,
  warm: WarmRunner,
  environment?: Readonly<Record<string, string>>,
): JobRunners {
  return {
    spawn: (spec) => spawnRunner(spec, { cacheDirectory, warm, environment }),
    attach: attachRunner,
    latestAttempt: (directory) => readSpec(directory)?.attempt ?? 0,
    remains: readRemains,
    kill: (directory, attempt) => fenceRunners(directory, attempt + 1),
  };
}
