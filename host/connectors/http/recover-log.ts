import { join } from 'node:path';
import { MillraceError } from '../../errors.ts';
import { HTTP_ROW_BYTES_MAX } from '../../server-limits.ts';
import { decodeBatchHeader, HEADER_BYTES, type LogBatch, rowsAreWhole } from './log-batch.ts';
import {
  DURABLE_FILE,
  decodeMark,
  KEYS_FILE,
  MARK_BYTES,
  segmentBases,
  segmentName,
} from './log-directory.ts';
import type { LogFiles } from './log-files.ts';
import { RememberedKeys } from './remembered-keys.ts';

/** A log as it was found and mended. */
export interface RecoveredLog {
  /** Where files of entries begin, ascending. */
  readonly bases: readonly number[];
  /** The log is whole and durable up to here. */
  readonly end: number;
  /** The end of the input was written. */
  readonly ended: boolean;
  readonly keys: RememberedKeys;
}

/** Entries of a file that is scanned without reading their rows. */
const READ_BYTES = 256 * 1024;

/**
 * Finds out how far a log goes and mends its end.
 *
 * L1  Up to the mark in `durable`, entries are durable and must be there: what is missing or damaged throws `STORAGE_FAILED`.
 * L2  Behind the mark, whole entries are kept up to the first that is not whole; that one and what follows was never acknowledged.
 *     They are written once more, into a new file that is synced: what stands in the cache of a system whose sync
 *     failed must not be taken for durable because it can be read.
 */
export async function recoverLog(directory: string, files: LogFiles): Promise<RecoveredLog> {
  const names = await files.list(directory);
  const bases = segmentBases(names);
  const keys = new RememberedKeys();
  const keysPath = join(directory, KEYS_FILE);
  if (!keys.load(await files.read(keysPath, 0, await files.size(keysPath)))) {
    throw damaged(keysPath, 'its checksum is wrong');
  }
  const found = { ended: false };
  const note = (batch: LogBatch) => {
    keys.add(batch);
    if (batch.kind === 'end') found.ended = true;
  };
  const lastBase = bases.at(-1) ?? 0;
  const mark = decodeMark(await files.read(join(directory, DURABLE_FILE), 0, MARK_BYTES));
  const known = mark !== undefined && mark.end >= lastBase ? mark.end : lastBase;
  for (const [i, base] of bases.entries()) {
    await walkEntries({ directory, base, end: bases[i + 1] ?? known }, files, note);
  }
  const end = await mendEnd({ directory, base: lastBase, end: known }, files, note);
  const all = end > known && known > lastBase ? [...bases, known] : bases;
  return { bases: all, end, ended: found.ended, keys };
}

interface Stretch {
  readonly directory: string;
  /** Where the file begins. */
  readonly base: number;
  readonly end: number;
}

/** Goes from header to header up to `end`, which must be where an entry ends (L1). */
async function walkEntries(
  { directory, base, end }: Stretch,
  files: LogFiles,
  note: (batch: LogBatch) => void,
): Promise<void> {
  const path = join(directory, segmentName(base));
  let window: Uint8Array = new Uint8Array(0);
  let windowAt = base;
  for (let at = base; at < end; ) {
    if (at + HEADER_BYTES > windowAt + window.length) {
      window = await files.read(path, at - base, READ_BYTES);
      windowAt = at;
    }
    const batch = decodeBatchHeader(window.subarray(at - windowAt), at);
    if (batch === undefined) throw damaged(path, `no entry begins at position ${at}`);
    note(batch);
    at += HEADER_BYTES + batch.rowBytes;
    if (at > end) throw damaged(path, `the entry at position ${batch.position} is too long`);
    if (at > windowAt + window.length) window = window.subarray(0, 0);
  }
  if ((await files.size(path)) < end - base) throw damaged(path, 'it is too short');
}

/** Keeps the whole entries behind `end` (L2). Answers where the log ends then. */
async function mendEnd(
  { directory, base, end }: Stretch,
  files: LogFiles,
  note: (batch: LogBatch) => void,
): Promise<number> {
  const path = join(directory, segmentName(base));
  const parts: Uint8Array[] = [];
  let at = end;
  for (;;) {
    const header = await files.read(path, at - base, HEADER_BYTES);
    const batch = decodeBatchHeader(header, at);
    if (batch === undefined || batch.rowBytes > HTTP_ROW_BYTES_MAX) break;
    const rows = await files.read(path, at - base + HEADER_BYTES, batch.rowBytes);
    if (rows.length < batch.rowBytes || !rowsAreWhole(header, rows)) break;
    note(batch);
    parts.push(header, rows);
    at += HEADER_BYTES + batch.rowBytes;
  }
  if (at === end) return end;
  const fresh = join(directory, 'mended');
  await files.remove(fresh);
  const file = await files.create(fresh);
  try {
    await file.write(parts, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(fresh, join(directory, segmentName(end)));
  await files.syncDirectory(directory);
  return at;
}

function damaged(path: string, reason: string): MillraceError {
  return new MillraceError('STORAGE_FAILED', `the ingest log at "${path}" is damaged: ${reason}`, {
    hint: 'acknowledged records cannot be read back; restore the file from a backup',
  });
}
