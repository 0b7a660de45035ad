import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type RunnerProcess, startRunnerProcess } from './runner-process.ts';

/**
 * One process that has loaded everything a runner needs and waits for a job, without using the CPU. Loading takes longer
 * than starting a job, so a job that finds it there starts in a third of the time.
 */
export interface WarmRunner {
  /** The process, if it is there; from now on the caller's. */
  take(): RunnerProcess | undefined;
  /** Starts the next one, unless it is there. Called when the machine has nothing more urgent to do. */
  prepare(): void;
  close(): void;
}

/** A warm runner whose files, a log until it has a job, are in `cacheDirectory`, on the file system of the jobs. `environment` as a runner's. */
export function createWarmRunner(
  cacheDirectory: string,
  environment?: Readonly<Record<string, string>>,
): WarmRunner {
  let waiting: { readonly process: RunnerProcess; readonly logPath: string } | undefined;
  let closed = false;
  const drop = () => {
    waiting?.process.discard();
    if (waiting !== undefined) rmSync(waiting.logPath, { force: true });
    waiting = undefined;
  };
  return {
    take() {
      if (waiting?.process.running !== true) return undefined;
      const { process } = waiting;
      waiting = undefined;
      return process;
    },
    prepare() {
      if (closed || waiting?.process.running === true) return;
      drop();
      mkdirSync(cacheDirectory, { recursive: true });
      const logPath = join(cacheDirectory, `runner-${randomUUID()}.log`);
      const directory = cacheDirectory;
      const process = startRunnerProcess({ logPath, directory, cacheDirectory, environment });
      waiting = { process, logPath };
    },
    close() {
      closed = true;
      drop();
    },
  };
}

/** Something that hands out no processes, for where start-up time does not matter. */
export const noWarmRunner: WarmRunner = { take: () => undefined, prepare() {}, close() {} };
