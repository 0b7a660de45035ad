import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DeadLetterFile } from './dead-letter-file.ts';

/** The files of a job that grow: lines are added at the end. */
export interface JobFiles {
  /** Adds a line to `log.jsonl`. What cannot be written is lost: a log must not stop a job. */
  log(line: string): void;
  /** Adds lines to the dead letters, durably. Throws `STORAGE_FAILED`. */
  appendDeadLetters(lines: string): Promise<void>;
  /** Drops the dead letters of `checkpoint` and later ones and puts `lines`, those of `checkpoint`, there instead. */
  restoreDeadLetters(checkpoint: number, lines: string): Promise<void>;
}

/** The files in a job's directory, which is made, as one attempt writes them. */
export function openJobFiles(directory: string, attempt: number): JobFiles {
  mkdirSync(directory, { recursive: true });
  const log = join(directory, 'log.jsonl');
  const deadLetters = new DeadLetterFile(directory, attempt);
  return {
    log(line) {
      try {
        appendFileSync(log, `${line}\n`);
      } catch {
        // A full disk: the job goes on, and says so where there is room.
      }
    },
    appendDeadLetters: async (lines) => deadLetters.append(lines),
    restoreDeadLetters: (checkpoint, lines) => deadLetters.restore(checkpoint, lines),
  };
}
