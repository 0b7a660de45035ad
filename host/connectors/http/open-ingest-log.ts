import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import { HTTP_COMMIT_BYTES_MAX, HTTP_SEGMENT_BYTES } from '../../server-limits.ts';
import type { Appended, IngestLog, LogEntry } from './ingest-log.ts';
import { encodeBatchHeader, HEADER_BYTES } from './log-batch.ts';
import {
  DURABLE_FILE,
  decodeMark,
  encodeMark,
  KEYS_FILE,
  MARK_BYTES,
  READ_FILE,
  segmentName,
} from './log-directory.ts';
import type { LogFile, LogFiles } from './log-files.ts';
import { recoverLog } from './recover-log.ts';
import type { RememberedKeys } from './remembered-keys.ts';

export interface IngestLogParts {
  readonly files: LogFiles;
  readonly clock: Clock;
  /** Bytes after which a new file is begun. */
  readonly segmentBytes?: number;
}

/** A batch that waits for its sync. */
interface Waiting {
  readonly entry: LogEntry;
  readonly kind: 'records' | 'end';
  readonly done: PromiseWithResolvers<Appended>;
}

/** Opens the log in `directory`, which is made, and mends its end. Throws `STORAGE_FAILED`. */
export async function openIngestLog(directory: string, parts: IngestLogParts): Promise<IngestLog> {
  const { files } = parts;
  try {
    await files.makeDirectory(directory);
    const found = await recoverLog(directory, files);
    const mark = await files.overwrite(join(directory, DURABLE_FILE));
    const { bases, end } = found;
    await mark.write([encodeMark({ end, base: bases.at(-1) ?? 0 })], 0);
    // Once, so that a disk that is full cannot keep it from being overwritten later.
    await mark.sync();
    await files.syncDirectory(directory);
    return new FileIngestLog(directory, parts, { ...found, mark });
  } catch (thrown) {
    throw storageFailed(directory, thrown);
  }
}

const END: LogEntry = { rows: new Uint8Array(0), count: 0, key: '', body: '' };

class FileIngestLog implements IngestLog {
  readonly #directory: string;
  readonly #files: LogFiles;
  readonly #clock: Clock;
  readonly #segmentBytes: number;
  readonly #mark: LogFile;
  readonly #keys: RememberedKeys;
  /** Requests under way, by key: who repeats one meanwhile gets its answer. */
  readonly #underWay = new Map<
    string,
    { readonly body: string; readonly answer: Promise<Appended> }
  >();
  #bases: readonly number[];
  #end: number;
  #ended: boolean;
  /** The file that is appended to; undefined = the next batch begins one. */
  #segment: { readonly file: LogFile; readonly base: number } | undefined;
  #waiting: Waiting[] = [];
  #pendingBytes = 0;
  #committing: Promise<void> | undefined;
  /** Why the log takes nothing any more (G2). */
  #broken: MillraceError | undefined;

  constructor(
    directory: string,
    parts: IngestLogParts,
    found: {
      readonly bases: readonly number[];
      readonly end: number;
      readonly ended: boolean;
      readonly keys: RememberedKeys;
      readonly mark: LogFile;
    },
  ) {
    this.#directory = directory;
    this.#files = parts.files;
    this.#clock = parts.clock;
    this.#segmentBytes = parts.segmentBytes ?? HTTP_SEGMENT_BYTES;
    this.#mark = found.mark;
    this.#keys = found.keys;
    this.#bases = found.bases;
    this.#end = found.end;
    this.#ended = found.ended;
  }

  get end(): number {
    return this.#end;
  }

  get start(): number {
    return this.#bases[0] ?? this.#end;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  append(entry: LogEntry): Promise<Appended> {
    if (entry.key === '') return this.#enqueue(entry, 'records');
    const known = this.#keys.find(entry.key, this.#clock.nowMs());
    const under = this.#underWay.get(entry.key);
    const body = known?.body ?? under?.body;
    if (body !== undefined && body !== entry.body) return Promise.reject(reused());
    if (known !== undefined) {
      const { position, count } = known;
      return Promise.resolve({ position, count, repeated: true });
    }
    if (under !== undefined) return under.answer.then((answer) => ({ ...answer, repeated: true }));
    const answer = this.#enqueue(entry, 'records').finally(() => this.#underWay.delete(entry.key));
    this.#underWay.set(entry.key, { body: entry.body, answer });
    return answer;
  }

  async finish(): Promise<void> {
    if (!this.#ended) await this.#enqueue(END, 'end');
  }

  async readPosition(): Promise<number> {
    const path = join(this.#directory, READ_FILE);
    return decodeMark(await this.#files.read(path, 0, MARK_BYTES))?.end ?? 0;
  }

  async trim(position: number): Promise<void> {
    const kept = this.#bases.findLastIndex((base) => base <= position);
    if (kept <= 0) return;
    await this.#storeKeys();
    for (const base of this.#bases.slice(0, kept)) {
      await this.#files.remove(join(this.#directory, segmentName(base)));
    }
    this.#bases = this.#bases.filter((base) => base >= this.#bases[kept]);
  }

  async close(): Promise<void> {
    this.#broken ??= closed();
    while (this.#committing !== undefined) await this.#committing;
    await this.#segment?.file.close();
    await this.#mark.close();
    this.#segment = undefined;
  }

  #enqueue(entry: LogEntry, kind: Waiting['kind']): Promise<Appended> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#ended) return Promise.reject(hasEnded());
    const done = Promise.withResolvers<Appended>();
    this.#waiting.push({ entry, kind, done });
    this.#pendingBytes += HEADER_BYTES + entry.rows.length;
    this.#committing ??= this.#commitAll();
    return done.promise;
  }

  /** One sync after the other, each for all that came while the one before was under way (G1). */
  async #commitAll(): Promise<void> {
    // Who has just been put in line may bring others with it.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        if (this.#ended) throw hasEnded();
        const positions = await this.#write(group);
        for (const [i, { entry, done }] of group.entries()) {
          done.resolve({ position: positions[i], count: entry.count, repeated: false });
        }
      } catch (thrown) {
        await this.#abandonSegment();
        const error = storageFailed(this.#directory, thrown);
        for (const { done } of group) done.reject(error);
      }
      for (const { entry } of group) this.#pendingBytes -= HEADER_BYTES + entry.rows.length;
    }
    // In the turn of the last look at what waits: who comes now begins anew.
    this.#committing = undefined;
  }

  /** As many as may be written at once. Nothing comes behind the end of the input. */
  #takeGroup(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { entry, kind } of this.#waiting) {
      bytes += HEADER_BYTES + entry.rows.length;
      if (count > 0 && bytes > HTTP_COMMIT_BYTES_MAX) break;
      count += 1;
      if (kind === 'end') break;
    }
    return this.#waiting.splice(0, count);
  }

  /** Writes and syncs the batches. Answers their positions. */
  async #write(group: readonly Waiting[]): Promise<readonly number[]> {
    const segment = await this.#openSegment();
    const atMs = this.#clock.nowMs();
    const parts: Uint8Array[] = [];
    let end = this.#end;
    const batches = group.map(({ entry, kind }) => {
      const { rows, count, key, body } = entry;
      const batch = { kind, position: end, count, atMs, key, body, rowBytes: rows.length };
      parts.push(encodeBatchHeader(batch, rows));
      if (rows.length > 0) parts.push(rows);
      end += HEADER_BYTES + rows.length;
      return batch;
    });
    await segment.file.write(parts, this.#end - segment.base);
    await segment.file.sync();
    await this.#tellEnd(end, segment.base);
    this.#end = end;
    for (const batch of batches) {
      this.#keys.add(batch);
      if (batch.kind === 'end') this.#ended = true;
    }
    return batches.map((batch) => batch.position);
  }

  /** Readers may or may not have seen a mark whose write failed: what stands there must not come to mean something else. */
  async #tellEnd(end: number, base: number): Promise<void> {
    try {
      await this.#mark.write([encodeMark({ end, base })], 0);
    } catch (cause) {
      this.#broken = storageFailed(this.#directory, cause);
      throw this.#broken;
    }
  }

  async #openSegment(): Promise<{ readonly file: LogFile; readonly base: number }> {
    if (this.#broken !== undefined) throw this.#broken;
    const open = this.#segment;
    if (open !== undefined && this.#end - open.base < this.#segmentBytes) return open;
    if (open !== undefined) await this.#abandonSegment();
    const base = this.#end;
    const path = join(this.#directory, segmentName(base));
    // One of this name holds nothing durable: the log ends where it begins.
    await this.#files.remove(path);
    const file = await this.#files.create(path);
    try {
      await this.#files.syncDirectory(this.#directory);
    } catch (cause) {
      await file.close().catch(() => {});
      this.#broken = storageFailed(this.#directory, cause);
      throw this.#broken;
    }
    this.#segment = { file, base };
    this.#bases = [...this.#bases.filter((one) => one < base), base];
    return this.#segment;
  }

  async #abandonSegment(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    await segment?.file.close().catch(() => {});
  }

  async #storeKeys(): Promise<void> {
    const fresh = join(this.#directory, `${KEYS_FILE}.new`);
    await this.#files.remove(fresh);
    const file = await this.#files.create(fresh);
    try {
      await file.write([this.#keys.encode()], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#files.rename(fresh, join(this.#directory, KEYS_FILE));
    await this.#files.syncDirectory(this.#directory);
  }
}

function storageFailed(directory: string, thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new MillraceError('STORAGE_FAILED', `the records could not be made durable: ${reason}`, {
    details: [`ingest log "${directory}"`],
    hint: 'send them again when the disk is well; with an Idempotency-Key they cannot be taken twice',
    cause: thrown,
  });
}

function reused(): MillraceError {
  return new MillraceError(
    'IDEMPOTENCY_KEY_REUSED',
    'an earlier request with this Idempotency-Key had another body',
    { hint: 'a key names one request and its retries: make a new one for other records' },
  );
}

function hasEnded(): MillraceError {
  return new MillraceError('JOB_STATE', 'the input of the source was ended', {
    hint: 'the job finishes when it has read what came before; submit another for more records',
  });
}

function closed(): MillraceError {
  return new MillraceError('STORAGE_FAILED', 'the ingest log is being closed', {
    hint: 'the server is stopping, or the job is being removed; try again in a moment',
  });
}
