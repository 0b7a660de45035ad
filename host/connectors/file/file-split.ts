import type { RecordFormat } from '../../abi/row-decoder.ts';
import { MillraceError } from '../../errors.ts';
import { SPLITS_MAX } from '../../limits.ts';
import type { Json } from '../../model/json.ts';
import { isLineFormat } from '../record-scanner.ts';
import type { Split } from '../source.ts';
import type { FoundFile } from './find-files.ts';

/** What a split of the file source names. */
export interface FileSplitSpec {
  readonly path: string;
  /** Records that start in [start, end) belong to the split; `end` is null when all behind `start` do. */
  readonly start: number;
  readonly end: number | null;
  /** Size of the file when it was listed; for the lag only. */
  readonly bytes: number;
}

/**
 * Splits of these files. Files of `lines`, `json` and `raw` are cut every `splitBytes`. The id holds path and start only, and the last
 * range of a file ends where the next cut would be, not where the file ended when it was listed: a file that grew between two
 * starts keeps the ids of its splits, and no byte falls between an old range and a new one.
 */
export function splitFiles(
  files: readonly FoundFile[],
  format: RecordFormat,
  splitBytes: number,
): Split[] {
  const step = isLineFormat(format) ? splitBytes : Number.POSITIVE_INFINITY;
  const count = files.reduce((sum, file) => sum + Math.max(1, Math.ceil(file.bytes / step)), 0);
  if (count > SPLITS_MAX) {
    throw new MillraceError(
      'SOURCE_UNAVAILABLE',
      `${files.length} files make ${count} splits, limit ${SPLITS_MAX}`,
      { hint: 'raise "splitBytes", or name fewer files' },
    );
  }
  return files.flatMap((file) => splitFile(file, step));
}

function splitFile(file: FoundFile, step: number): Split[] {
  const splits: Split[] = [];
  for (let start = 0; start === 0 || start < file.bytes; start += step) {
    const end = Number.isFinite(step) ? start + step : null;
    const spec: Json = { path: file.path, start, end, bytes: file.bytes };
    splits.push({ id: `${file.path}@${start}`, spec, position: undefined });
  }
  return splits;
}

/** The spec of a split that came from a checkpoint or another thread. */
export function readFileSplit(split: Split): FileSplitSpec {
  const spec = split.spec as { readonly [key: string]: Json } | null;
  const { path, start, end, bytes } = spec ?? {};
  const isOffset = (value: Json | undefined) => Number.isSafeInteger(value) && Number(value) >= 0;
  const valid =
    typeof path === 'string' &&
    isOffset(start) &&
    (end === null || isOffset(end)) &&
    isOffset(bytes);
  if (!valid || (split.position !== undefined && !isOffset(split.position))) {
    throw new MillraceError(
      'CHECKPOINT_CORRUPT',
      `split "${split.id}" of a file source is not one`,
    );
  }
  return spec as unknown as FileSplitSpec;
}
