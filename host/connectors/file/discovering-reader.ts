import type { BatchBuilder } from '../../abi/batch-builder.ts';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import { SPLITS_MAX } from '../../limits.ts';
import { READ_BYTES, type ScanBuffer } from '../record-scanner.ts';
import type { PollResult, SourceContext, SourceReader, Split } from '../source.ts';
import {
  type Bucket,
  bucketOf,
  type FileProgress,
  readBucket,
  writeBucket,
} from './discovered-files.ts';
import { FileReader, type FileReaderParts } from './file-reader.ts';
import { type FoundFile, findFiles } from './find-files.ts';

export interface DiscoveringParts extends FileReaderParts {
  readonly patterns: readonly string[];
  /** Milliseconds between two looks at the directories. */
  readonly intervalMs: number;
  readonly clock: Clock;
}

/** The file that is being read. */
interface OpenFile {
  readonly path: string;
  readonly progress: FileProgress;
  readonly reader: FileReader;
}

/**
 * One task's reader of a `file` source with `discover` or `follow`: the files of its buckets, those that are there and those that
 * come, in the order of their paths.
 *
 * G1  A file is known from when it is first seen until it is gone; what is known of it is in every snapshot of its bucket.
 * G2  A file that is not as it was left fails the task rather than being read twice, in part or not at all.
 * G3  At most one file is open at a time, also when many are followed: one that grew is opened again where it was left.
 */
export class DiscoveringReader implements SourceReader {
  readonly #splits: readonly Split[];
  readonly #context: SourceContext;
  readonly #parts: DiscoveringParts;
  readonly #buckets = new Map<number, Bucket>();
  readonly #buffer: ScanBuffer = { bytes: new Uint8Array(READ_BYTES) };
  /** Paths that have something to read. */
  #queue: string[] = [];
  #next = 0;
  #open: OpenFile | undefined;
  #cancelTimer: (() => void) | undefined;
  #due = false;

  constructor(splits: readonly Split[], context: SourceContext, parts: DiscoveringParts) {
    this.#splits = splits;
    this.#context = context;
    this.#parts = parts;
    for (const split of splits) {
      const { number, files } = readBucket(split);
      this.#buckets.set(number, files);
    }
    if (splits.length > 0) this.#look();
  }

  poll(out: BatchBuilder, bytesMax: number): PollResult {
    // There are more tasks than buckets.
    if (this.#splits.length === 0) return 'end';
    const stopAt = out.length + bytesMax;
    if (this.#due && this.#open === undefined && this.#next === this.#queue.length) this.#look();
    while (this.#openNext()) {
      const { progress, reader } = this.#open as OpenFile;
      const answer = reader.poll(out, stopAt - out.length);
      progress.offset = Number(reader.snapshot()[0].position ?? progress.offset);
      if (answer === 'more') return 'more';
      progress.done = true;
      // What was appended since the last look was read as well; the next look starts from there.
      if (!this.#isFollowing()) progress.bytes = progress.offset;
      this.#closeOpen();
      if (out.length >= stopAt || this.#next % 64 === 0) return 'more';
    }
    return this.#due ? 'more' : 'idle';
  }

  snapshot(): readonly Split[] {
    return this.#splits.map((split) => {
      const files = this.#buckets.get(readBucket({ ...split, position: undefined }).number);
      const known = files !== undefined && files.size > 0;
      return { ...split, position: known ? writeBucket(files) : undefined };
    });
  }

  lagBytes(): number {
    let lag = 0;
    for (const files of this.#buckets.values()) {
      for (const { offset, bytes } of files.values()) lag += Math.max(0, bytes - offset);
    }
    return lag;
  }

  async close(): Promise<void> {
    this.#cancelTimer?.();
    this.#closeOpen();
  }

  #isFollowing(): boolean {
    return this.#parts.follow === true;
  }

  /** Finds out what there is to read, and comes again after a while. */
  #look(): void {
    const { patterns, intervalMs, clock } = this.#parts;
    const found = findFiles(patterns, this.#context.baseDirectory, true);
    const present = new Map<string, FoundFile>();
    for (const file of found) {
      if (this.#buckets.has(bucketOf(file.path))) present.set(file.path, file);
    }
    this.#forgetMissing(present);
    this.#queue = [...present.values()].filter((file) => this.#see(file)).map(({ path }) => path);
    this.#next = 0;
    this.#due = false;
    this.#cancelTimer = clock.after(intervalMs, () => {
      this.#due = true;
      this.#context.wake();
    });
    if (found.length <= SPLITS_MAX) return;
    throw this.#unavailable(`matches ${found.length} files, limit ${SPLITS_MAX}`, {
      hint: 'move files that were read out of the directory',
    });
  }

  /** Notes what is known of a file now (G1, G2). Says whether there is something to read. */
  #see({ path, bytes, inode }: FoundFile): boolean {
    const files = this.#buckets.get(bucketOf(path)) as Bucket;
    const known = files.get(path);
    if (known === undefined) {
      files.set(path, { offset: 0, bytes, done: false, inode });
      return true;
    }
    const follow = this.#isFollowing();
    // A file that was read to its end may have been copied with the whole directory.
    if (inode !== known.inode && (follow || !known.done)) {
      throw this.#unavailable(`: file "${path}" was replaced by another one`, {
        hint: 'give each file a name of its own',
      });
    }
    if (bytes < known.offset) {
      const text = `: file "${path}" has ${bytes} bytes, but was read up to offset ${known.offset}`;
      throw this.#unavailable(text, {
        hint: 'the file was truncated; give each file its own name',
      });
    }
    if (!follow && known.done && bytes !== known.bytes) {
      throw this.#unavailable(`: file "${path}" grew after it was read`, {
        hint: 'write files elsewhere and rename them into the directory, or set "follow: true"',
      });
    }
    const grew = bytes !== known.bytes;
    known.bytes = bytes;
    return !known.done || grew;
  }

  #forgetMissing(present: ReadonlyMap<string, FoundFile>): void {
    for (const files of this.#buckets.values()) {
      for (const [path, { done }] of files) {
        if (present.has(path)) continue;
        if (!done || this.#isFollowing()) {
          throw this.#unavailable(`: file "${path}" is gone`, {
            hint: done
              ? 'a file that is followed must stay; its last bytes may be lost'
              : 'it was not read to its end; put it back',
          });
        }
        files.delete(path);
      }
    }
  }

  #openNext(): boolean {
    while (this.#open === undefined && this.#next < this.#queue.length) {
      const path = this.#queue[this.#next++];
      const progress = this.#buckets.get(bucketOf(path))?.get(path);
      if (progress !== undefined)
        this.#open = { path, progress, reader: this.#read(path, progress) };
    }
    return this.#open !== undefined;
  }

  #read(path: string, { offset, bytes }: FileProgress): FileReader {
    const split: Split = {
      id: path,
      spec: { path, start: 0, end: null, bytes },
      position: offset,
    };
    return new FileReader([split], this.#context, { ...this.#parts, buffer: this.#buffer });
  }

  #closeOpen(): void {
    void this.#open?.reader.close();
    this.#open = undefined;
  }

  #unavailable(text: string, options: { readonly hint: string }): MillraceError {
    const message = `source "${this.#context.id}"${text.startsWith(':') ? '' : ' '}${text}`;
    return new MillraceError('SOURCE_UNAVAILABLE', message, options);
  }
}
