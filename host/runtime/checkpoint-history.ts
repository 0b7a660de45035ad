import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKPOINT_HISTORY_MAX } from '../limits.ts';
import type { CheckpointRecord } from './checkpoint-record.ts';

/**
 * What became of a job's checkpoints, a line each in `checkpoints.jsonl` of its directory. For people: recovery reads
 * manifests and nothing else, so a line may be lost in a crash.
 */
export class CheckpointHistory {
  readonly #path: string;
  #lines: string[];

  constructor(directory: string) {
    this.#path = join(directory, HISTORY_FILE);
    this.#lines = readLines(this.#path);
  }

  /** Notes a checkpoint that was completed or given up. What cannot be written is lost. */
  add(record: CheckpointRecord): void {
    const line = JSON.stringify(record);
    this.#lines.push(line);
    try {
      if (this.#lines.length < 2 * CHECKPOINT_HISTORY_MAX) appendFileSync(this.#path, `${line}\n`);
      else this.#shorten();
    } catch {
      // A full disk, say: the job's own log tells of that.
    }
  }

  #shorten(): void {
    this.#lines = this.#lines.slice(-CHECKPOINT_HISTORY_MAX);
    const temporary = `${this.#path}.new`;
    writeFileSync(temporary, this.#lines.map((line) => `${line}\n`).join(''));
    renameSync(temporary, this.#path);
  }
}

const HISTORY_FILE = 'checkpoints.jsonl';

/** The latest checkpoints of the job in `directory`, oldest first; those that are under way are not among them. */
export function readCheckpointHistory(directory: string): readonly CheckpointRecord[] {
  const records = readLines(join(directory, HISTORY_FILE)).flatMap((line) => {
    try {
      return [JSON.parse(line) as CheckpointRecord];
    } catch {
      return []; // cut by a crash
    }
  });
  return records.slice(-CHECKPOINT_HISTORY_MAX);
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
