import type { CoordinatorLink, WorkerStart } from './worker-protocol.ts';

/** The workers of a job, wherever they run. */
export interface WorkerHost {
  /** By worker number. */
  readonly links: readonly CoordinatorLink[];
  /** Says `stop` to all and resolves when all have left; those that do not in time are ended by force. */
  stop(): Promise<void>;
  /** Ends all at once without a word, as a crash would; `onDeath` is called. */
  kill(): void;
}

/** Starts one worker per entry. `onDeath` is called when one goes without having been told to. */
export type StartWorkers = (
  starts: readonly WorkerStart[],
  onDeath: (error: Error) => void,
) => WorkerHost;
