import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { MillraceError } from '../errors.ts';
import { readCheckpointHistory } from '../runtime/checkpoint-history.ts';
import type { CheckpointRecord } from '../runtime/checkpoint-record.ts';
import { latestDeadLetters } from '../runtime/dead-letter-file.ts';
import type { UpdateRecord } from '../runtime/update-record.ts';
import type { deadLetterAnswer } from './schemas/dead-letter-answer.ts';

type DeadLetterLine = z.output<typeof deadLetterAnswer>;

/** What a job's runners have written down for people, whether one runs now or not. */
export interface JobJournal {
  checkpoints(): Promise<readonly CheckpointRecord[]>;
  updates(): Promise<readonly UpdateRecord[]>;
  deadLetters(limit: number): Promise<readonly DeadLetterLine[]>;
  /** Where the log is; it may not be there yet. */
  readonly logPath: string;
}

/** The journal in the directory of a job. */
export function openJobJournal(directory: string): JobJournal {
  return {
    checkpoints: async () => readCheckpointHistory(directory),
    async updates() {
      const text = await readIfThere(join(directory, 'updates.json'));
      return text === '' ? [] : (JSON.parse(text) as readonly UpdateRecord[]);
    },
    async deadLetters(limit) {
      const path = latestDeadLetters(directory);
      const text = path === undefined ? '' : await readIfThere(path);
      const lines = text.split('\n').filter((line) => line !== '');
      return lines.slice(-limit).flatMap(parseDeadLetter);
    },
    logPath: join(directory, 'log.jsonl'),
  };
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new MillraceError('STORAGE_FAILED', `cannot read "${path}"`, { cause });
  }
}

/** A line that a crash cut is left out. */
function parseDeadLetter(text: string): DeadLetterLine[] {
  let letter: Record<string, unknown>;
  try {
    letter = JSON.parse(text);
  } catch {
    return [];
  }
  const malformed = letter.kind === 'malformed';
  return [
    {
      atMs: Number(letter.atMs),
      step: String(malformed ? letter.source : letter.step),
      function: malformed ? null : String(letter.function),
      digest: malformed ? null : String(letter.digest),
      code: malformed ? 'RECORD_MALFORMED' : String(letter.code),
      message: malformed
        ? `${letter.split}, offset ${letter.offset}: ${letter.reason}`
        : String(letter.message),
      row: malformed ? null : String(letter.row),
      excerpt: malformed ? String(letter.excerpt) : null,
    },
  ];
}
