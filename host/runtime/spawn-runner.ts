import { mkdirSync, readFileSync } from 'node:fs';
import { MillraceError } from '../errors.ts';
import { RUNNER_START_TIMEOUT_MS } from '../limits.ts';
import { createEndedJob } from './ended-job.ts';
import { fenceRunners } from './fence-runners.ts';
import type { JobSpec } from './job-spec.ts';
import { connectRunner, type RunnerClient } from './runner-client.ts';
import { readRemains, readRunnerFile, runnerLogPath, writeSpec } from './runner-directory.ts';
import { startRunnerProcess } from './runner-process.ts';
import type { WarmRunner } from './warm-runner.ts';

export interface SpawnOptions {
  /** Absolute. Where Node keeps compiled code, so that the next runner starts faster. */
  readonly cacheDirectory?: string;
  /** What the process gets to know beside the few variables that every runner does; one that waits has its own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where a process may be that waits for a job. */
  readonly warm?: WarmRunner;
}

/**
 * Starts a job in a process of its own, which goes on when this one ends. Runners of earlier attempts are killed first.
 * Resolves when the job runs; throws what `startJob` throws, or `RUNNER_LOST`.
 */
export async function spawnRunner(
  spec: JobSpec,
  options: SpawnOptions = {},
): Promise<RunnerClient> {
  const { directory, attempt } = spec;
  mkdirSync(directory, { recursive: true });
  writeSpec(spec);
  await fenceRunners(directory, attempt);
  const logPath = runnerLogPath(directory, attempt);
  try {
    const { cacheDirectory, environment, warm } = options;
    const fresh = { logPath, directory, cacheDirectory, environment };
    const process = warm?.take() ?? startRunnerProcess(fresh);
    await process.assign({ directory, attempt }, logPath, RUNNER_START_TIMEOUT_MS);
    const job = await reach(spec);
    await job.status();
    return job;
  } catch (thrown) {
    throw thrown instanceof MillraceError ? thrown : startFailure(spec, thrown);
  } finally {
    options.warm?.prepare();
  }
}

/** The new runner, or what is left of it: a job over little data ends before we are connected. */
async function reach(spec: JobSpec): Promise<RunnerClient> {
  const remains = () => readRemains(spec.directory, spec.attempt);
  const file = readRunnerFile(spec.directory, spec.attempt);
  try {
    if (file !== undefined) return await connectRunner({ socket: file.socket, spec, remains });
  } catch (thrown) {
    if (remains() === undefined) throw thrown;
  }
  const left = remains();
  if (left === undefined) throw new Error('the process ended at once');
  if (left.outcome.kind === 'failed') throw MillraceError.fromReport(left.outcome.error);
  return { ...createEndedJob(left), detach: () => {} };
}

function startFailure(spec: JobSpec, cause: unknown): MillraceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const logPath = runnerLogPath(spec.directory, spec.attempt);
  return new MillraceError('RUNNER_LOST', `runner of job "${spec.id}" did not start: ${reason}`, {
    details: lastLines(logPath),
    hint: `see ${logPath}`,
    cause,
  });
}

function lastLines(path: string): readonly string[] {
  try {
    const text = readFileSync(path, 'utf8').trimEnd();
    return text === '' ? [] : text.split('\n').slice(-10);
  } catch {
    return [];
  }
}
