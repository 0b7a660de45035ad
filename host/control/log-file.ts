import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { LOG_POLL_INTERVAL_MS, LOG_SEARCH_BYTES_MAX } from '../limits.ts';
import type { logEntry, logLevel } from './schemas/log-answer.ts';
import { watchFolder } from './watch-folder.ts';

export type LogLine = z.output<typeof logEntry>;
type Level = z.output<typeof logLevel>;

export interface LogFilter {
  readonly step?: string | undefined;
  readonly version?: string | undefined;
  /** Lowest level. */
  readonly level: Level;
}

/** A line with the offset of the byte after it, from which the log can be read on. */
export interface PlacedLine {
  readonly line: LogLine;
  readonly nextOffset: number;
}

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error'];
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 10;

/** The latest `limit` lines of a log that pass the filter, oldest first, and where the log ends now. */
export async function readLatestLines(
  path: string,
  filter: LogFilter,
  limit: number,
): Promise<{ readonly lines: readonly LogLine[]; readonly end: number }> {
  const file = await openIfThere(path);
  if (file === undefined) return { lines: [], end: 0 };
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - LOG_SEARCH_BYTES_MAX);
    const bytes = Buffer.alloc(size - start);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
    const whole = bytes.subarray(0, bytes.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1);
    const texts = whole.toString('utf8').split('\n');
    // The search may have begun in the middle of a line.
    if (start > 0) texts.shift();
    const lines = texts.map(parseLine).filter((line) => line !== undefined && passes(line, filter));
    return {
      lines: limit === 0 ? [] : (lines.slice(-limit) as LogLine[]),
      end: start + whole.length,
    };
  } finally {
    await file.close();
  }
}

/** The lines from `offset` on, then those that are added, until the signal or until `over` holds and all is read. */
export async function* followLines(
  path: string,
  offset: number,
  filter: LogFilter,
  until: { readonly signal: AbortSignal; readonly over: () => boolean },
): AsyncGenerator<PlacedLine> {
  const changes = watchFolder(dirname(path), until.signal, LOG_POLL_INTERVAL_MS);
  let position = offset;
  try {
    while (!until.signal.aborted) {
      // Asked before the reading: what is written last is read even if the job ends meanwhile.
      const over = until.over();
      const chunk = await readFrom(path, position);
      for (const { text, end } of wholeLines(chunk)) {
        const line = parseLine(text);
        const nextOffset = position + end;
        if (line !== undefined && passes(line, filter)) yield { line, nextOffset };
      }
      const read = chunk.lastIndexOf(NEWLINE) + 1;
      position += read;
      if (read > 0) continue;
      if (over) return;
      await changes.next();
    }
  } finally {
    changes.close();
  }
}

function* wholeLines(chunk: Buffer): Generator<{ readonly text: string; readonly end: number }> {
  let start = 0;
  for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
    yield { text: chunk.toString('utf8', start, end), end: end + 1 };
    start = end + 1;
  }
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  const file = await openIfThere(path);
  if (file === undefined) return Buffer.alloc(0);
  try {
    const bytes = Buffer.alloc(CHUNK_BYTES);
    const { bytesRead } = await file.read(bytes, 0, CHUNK_BYTES, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

function parseLine(text: string): LogLine | undefined {
  try {
    const { time, level, step, version, task, text: message } = JSON.parse(text);
    return {
      atMs: Date.parse(time),
      level,
      step: step ?? null,
      version: version ?? null,
      task: task ?? null,
      text: message,
    };
  } catch {
    // Cut by a crash, or empty.
    return undefined;
  }
}

function passes(line: LogLine, filter: LogFilter): boolean {
  if (filter.step !== undefined && line.step !== filter.step) return false;
  if (filter.version !== undefined && line.version !== filter.version) return false;
  return LEVELS.indexOf(line.level) >= LEVELS.indexOf(filter.level);
}
