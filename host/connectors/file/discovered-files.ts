import { MillraceError } from '../../errors.ts';
import { PARALLELISM_MAX } from '../../limits.ts';
import type { Json } from '../../model/json.ts';
import type { Split } from '../source.ts';

/** How far a discovered file was read. */
export interface FileProgress {
  /** Behind the last record that was handed over. */
  offset: number;
  /** Its size when it was seen last, or read to its end. */
  bytes: number;
  /** Read to its end, as far as it went. */
  done: boolean;
  readonly inode: number;
}

/** The files of one bucket, by path. */
export type Bucket = Map<string, FileProgress>;

/** As many as tasks there may be, so that each may have one. */
export const BUCKETS = PARALLELISM_MAX;

/**
 * The splits of a source whose files are yet to come. A split is a bucket: the files whose path hashes to its number. They are the same
 * from start to start, whatever is in the directory, so files that turn up need no coordinator, and a bucket moves to another
 * task with all that is known of its files.
 */
export function bucketSplits(): Split[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => ({
    id: `files-${bucket}`,
    spec: { bucket },
    position: undefined,
  }));
}

/** The bucket of a path: FNV-1a of its UTF-8. Part of the format of checkpoints. */
export function bucketOf(path: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(path)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash % BUCKETS;
}

/** The position of a bucket: `[path, offset, bytes, done, inode]` of each file. */
export function writeBucket(bucket: Bucket): Json {
  return [...bucket].map(([path, { offset, bytes, done, inode }]) => [
    path,
    offset,
    bytes,
    done,
    inode,
  ]);
}

/** The bucket of a split, and what is known of its files. Throws `CHECKPOINT_CORRUPT`. */
export function readBucket(split: Split): { readonly number: number; readonly files: Bucket } {
  const number = (split.spec as { readonly bucket?: Json } | null)?.bucket;
  const entries = split.position ?? [];
  const valid =
    Number.isSafeInteger(number) &&
    Array.isArray(entries) &&
    entries.every((entry) => isEntry(entry));
  if (!valid) {
    throw new MillraceError(
      'CHECKPOINT_CORRUPT',
      `split "${split.id}" of a file source is not one`,
      {
        hint: 'the checkpoint was taken with other options of the source, or is damaged',
      },
    );
  }
  const files: Bucket = new Map();
  for (const [path, offset, bytes, done, inode] of entries as [
    string,
    number,
    number,
    boolean,
    number,
  ][]) {
    files.set(path, { offset, bytes, done, inode });
  }
  return { number: number as number, files };
}

function isEntry(entry: Json): boolean {
  if (!Array.isArray(entry) || entry.length !== 5) return false;
  const [path, offset, bytes, done, inode] = entry;
  const isSize = (value: Json) => Number.isSafeInteger(value) && Number(value) >= 0;
  return (
    typeof path === 'string' &&
    isSize(offset) &&
    isSize(bytes) &&
    typeof done === 'boolean' &&
    typeof inode === 'number'
  );
}
