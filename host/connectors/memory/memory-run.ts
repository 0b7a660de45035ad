import { MillraceError } from '../../errors.ts';
import type { Batch } from '../../model/batch.ts';
import type { Json } from '../../model/json.ts';

/** Rows that wait for their checkpoint. The manifest holds them, since nothing else outlives the task. */
export interface MemoryRun {
  /** Names the run over all attempts of a job. */
  readonly key: string;
  readonly count: number;
  /** The rows in base64. */
  readonly rows: string;
}

/** The runs of a transaction, which may come from a checkpoint. Throws `CHECKPOINT_CORRUPT` when it is not one. */
export function readRuns(id: string, transaction: Json): readonly MemoryRun[] {
  if (transaction === null) return [];
  const runs = (transaction as { readonly runs?: Json }).runs;
  if (Array.isArray(runs) && runs.every(isRun)) return runs;
  throw new MillraceError('CHECKPOINT_CORRUPT', `sink "${id}" cannot read its transaction`, {
    hint: 'the checkpoint was written by another connector, or is damaged',
  });
}

function isRun(value: Json): boolean {
  const { key, count, rows } = (value ?? {}) as { readonly [key: string]: Json };
  return typeof key === 'string' && Number.isSafeInteger(count) && typeof rows === 'string';
}

/** The rows of a run, at an 8-byte boundary of a buffer of their own. */
export function toBatch(run: MemoryRun): Batch {
  const decoded = Buffer.from(run.rows, 'base64');
  const bytes = new Uint8Array(decoded.length);
  bytes.set(decoded);
  return { bytes, count: run.count };
}
