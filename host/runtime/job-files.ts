import {
  appendFileSync,
  closeSync,
  createReadStream,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MillraceError } from '../errors.ts';

/** The files of a job that grow: lines are added at the end. */
export interface JobFiles {
  /** Adds a line to `log.jsonl`. What cannot be written is lost: a log must not stop a job. */
  log(line: string): void;
  /** Adds lines to `dead-letters.jsonl`, durably. Throws `STORAGE_FAILED`. */
  appendDeadLetters(lines: string): Promise<void>;
  /** Drops the dead letters of `checkpoint` and later ones and puts `lines`, those of `checkpoint`, there instead. */
  restoreDeadLetters(checkpoint: number, lines: string): Promise<void>;
}

/** The files in a job's directory, which is made. */
export function openJobFiles(directory: string): JobFiles {
  mkdirSync(directory, { recursive: true });
  const log = join(directory, 'log.jsonl');
  const deadLetters = join(directory, 'dead-letters.jsonl');
  return {
    log(line) {
      try {
        appendFileSync(log, `${line}\n`);
      } catch {
        // A full disk: the job goes on, and says so where there is room.
      }
    },
    async appendDeadLetters(lines) {
      changeDurably(deadLetters, 'a', (file) => appendWhole(file, lines));
    },
    async restoreDeadLetters(checkpoint, lines) {
      const keep = await bytesBefore(deadLetters, checkpoint);
      if (keep === 0 && lines === '') return changeDurably(deadLetters, 'w', () => {});
      changeDurably(deadLetters, 'a', (file) => {
        ftruncateSync(file, keep);
        appendWhole(file, lines);
      });
    },
  };
}

function changeDurably(path: string, flags: string, change: (file: number) => void): void {
  try {
    const file = openSync(path, flags);
    try {
      change(file);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new MillraceError('STORAGE_FAILED', `cannot write "${path}"`, {
      hint: "see that the disk has room and the job's directory can be written",
      cause,
    });
  }
}

/** All or nothing: the next checkpoint hands over again what this one could not. */
function appendWhole(file: number, lines: string): void {
  const before = fstatSync(file).size;
  try {
    const bytes = Buffer.from(lines);
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
  } catch (thrown) {
    ftruncateSync(file, before);
    throw thrown;
  }
}

/** Bytes of the whole lines that belong to earlier checkpoints. */
async function bytesBefore(path: string, checkpoint: number): Promise<number> {
  let bytes = 0;
  const stream = createReadStream(path);
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      if (!belongsBefore(line, checkpoint)) return bytes;
      bytes += Buffer.byteLength(line) + 1;
    }
    return bytes;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw new MillraceError('STORAGE_FAILED', `cannot read "${path}"`, { cause });
  } finally {
    stream.destroy();
  }
}

/** A line that was cut by a crash is not JSON any more. */
function belongsBefore(line: string, checkpoint: number): boolean {
  try {
    return (JSON.parse(line) as { readonly checkpoint: number }).checkpoint < checkpoint;
  } catch {
    return false;
  }
}
