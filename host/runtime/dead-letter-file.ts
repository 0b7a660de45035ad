import {
  closeSync,
  copyFileSync,
  createReadStream,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MillraceError } from '../errors.ts';

const NAME = /^dead-letters-(\d+)\.jsonl$/;

/**
 * The dead letters of a job, a line each, in a file that belongs to one attempt: `dead-letters-<attempt>.jsonl`. The next attempt
 * takes over what its checkpoint covers. Whoever reads takes the file of the latest attempt, so that what an earlier one
 * still adds, stopped and resumed, is seen by nobody.
 */
export class DeadLetterFile {
  readonly #directory: string;
  readonly #attempt: number;

  constructor(directory: string, attempt: number) {
    this.#directory = directory;
    this.#attempt = attempt;
  }

  /** Adds lines, durably; all or none. Throws `STORAGE_FAILED`. */
  append(lines: string): void {
    const path = join(this.#directory, nameOf(this.#attempt));
    onDisk(path, () => {
      change(path, (file) => appendWhole(file, lines));
      this.#syncDirectory();
    });
  }

  /** Takes over the lines of checkpoints before `checkpoint`, and adds `lines`, those of `checkpoint`. Throws `STORAGE_FAILED`. */
  async restore(checkpoint: number, lines: string): Promise<void> {
    const path = join(this.#directory, nameOf(this.#attempt));
    const earlier = onDisk(path, () => listFiles(this.#directory)).filter(
      (attempt) => attempt < this.#attempt,
    );
    const latest = earlier.at(-1);
    const before = latest === undefined ? undefined : join(this.#directory, nameOf(latest));
    const keep = before === undefined ? 0 : await bytesBefore(before, checkpoint);
    onDisk(path, () => {
      // Under another name until it is whole: the next attempt takes over from the latest file that it finds.
      const temporary = `${path}.new`;
      rmSync(temporary, { force: true });
      if (before !== undefined && keep > 0) copyFileSync(before, temporary);
      change(temporary, (file) => {
        ftruncateSync(file, keep);
        appendWhole(file, lines);
      });
      renameSync(temporary, path);
      this.#syncDirectory();
      for (const attempt of earlier)
        rmSync(join(this.#directory, nameOf(attempt)), { force: true });
    });
  }

  #syncDirectory(): void {
    const directory = openSync(this.#directory, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }
}

/** Where the dead letters of the job in `directory` are now; undefined when it has none. */
export function latestDeadLetters(directory: string): string | undefined {
  let attempts: readonly number[];
  try {
    attempts = listFiles(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MillraceError('STORAGE_FAILED', `cannot look into "${directory}"`, { cause });
  }
  const latest = attempts.at(-1);
  return latest === undefined ? undefined : join(directory, nameOf(latest));
}

function nameOf(attempt: number): string {
  return `dead-letters-${attempt}.jsonl`;
}

function listFiles(directory: string): readonly number[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const match = NAME.exec(name);
      return match === null ? [] : [Number(match[1])];
    })
    .sort((a, b) => a - b);
}

function change(path: string, apply: (file: number) => void): void {
  const file = openSync(path, 'a');
  try {
    apply(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function onDisk<T>(path: string, call: () => T): T {
  try {
    return call();
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
