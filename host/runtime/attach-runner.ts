import { MillraceError } from '../errors.ts';
import { runs } from './fence-runners.ts';
import { connectRunner, type RunnerClient } from './runner-client.ts';
import { readRemains, readRunnerFile, readSpec } from './runner-directory.ts';

/**
 * Takes up the runner of a job's latest attempt, after the process that started it has gone. Undefined when it does not
 * run, does not answer, or has ended; `readRemains` tells how. What does not answer is left for `fenceRunners`.
 */
export async function attachRunner(jobDirectory: string): Promise<RunnerClient | undefined> {
  const spec = readSpec(jobDirectory);
  if (spec === undefined) return undefined;
  const file = readRunnerFile(jobDirectory, spec.attempt);
  if (file?.identity === undefined || !runs(file.pid, file.identity)) return undefined;
  try {
    return await connectRunner({
      socket: file.socket,
      spec,
      remains: () => readRemains(jobDirectory, spec.attempt),
    });
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === 'RUNNER_LOST') return undefined;
    throw thrown;
  }
}
