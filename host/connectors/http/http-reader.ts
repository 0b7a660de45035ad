import { existsSync, type FSWatcher, watch } from 'node:fs';
import type { BatchBuilder } from '../../abi/batch-builder.ts';
import { createRowDecoder } from '../../abi/create-row-decoder.ts';
import type { RowDecoder } from '../../abi/row-decoder.ts';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import type { Json } from '../../model/json.ts';
import { HTTP_POLL_INTERVAL_MS } from '../../server-limits.ts';
import { escapeBytes, reportMalformed } from '../malformed.ts';
import type { PollResult, SourceContext, SourceReader, Split } from '../source.ts';
import { LogCursor } from './log-cursor.ts';
import { DURABLE_FILE, isPosition, partitionDirectory } from './log-directory.ts';

/** The log of one split, and how far it is handed over. */
interface OpenLog {
  readonly split: Split;
  readonly directory: string;
  readonly cursor: LogCursor;
  readonly decoder: RowDecoder;
  /** Position of the batch that is being handed over, and its bytes that are done. */
  at: number;
  taken: number;
  rows: Uint8Array;
  ended: boolean;
}

const NONE = new Uint8Array(0);

/**
 * One task's reader of an `http` source: its logs in turn, a piece of a batch at a time.
 *
 * The position of a split is the batch's place in the log and the bytes of its rows that were polled. It names the job: the log of another
 * job, from which a savepoint came, has other positions, and this job's log is read from its beginning.
 */
export class HttpReader implements SourceReader {
  readonly #logs: readonly OpenLog[];
  readonly #context: SourceContext;
  readonly #clock: Clock;
  readonly #watchers: FSWatcher[] = [];
  readonly #request = { bytes: NONE as Uint8Array, start: 0, end: 0, final: true, bytesMax: 0 };
  #cancelTimer: (() => void) | undefined;
  #next = 0;
  #closed = false;

  constructor(splits: readonly Split[], context: SourceContext, clock: Clock) {
    this.#context = context;
    this.#clock = clock;
    this.#logs = splits.map((split) => openLog(split, context));
    for (const { directory } of this.#logs) this.#watch(directory);
  }

  poll(out: BatchBuilder, bytesMax: number): PollResult {
    const stopAt = out.length + bytesMax;
    let idle = 0;
    while (out.length < stopAt && idle < this.#logs.length) {
      const log = this.#logs[this.#next];
      if (this.#advance(log)) {
        this.#handOver(log, out, stopAt - out.length);
        idle = 0;
      } else {
        log.cursor.tell(log.at);
        this.#next = (this.#next + 1) % this.#logs.length;
        idle += 1;
      }
    }
    if (out.length >= stopAt) return 'more';
    if (this.#logs.every((log) => log.ended)) return 'end';
    this.#wakeLater();
    return 'idle';
  }

  snapshot(): readonly Split[] {
    const job = this.#context.job?.id ?? '';
    return this.#logs.map(({ split: { id, spec }, at, taken }) => {
      const position: Json = { job, at, taken };
      return { id, spec, position };
    });
  }

  lagBytes(): number {
    let lag = 0;
    for (const { cursor, at, taken, ended } of this.#logs) {
      if (ended) continue;
      cursor.look();
      lag += Math.max(0, cursor.end - at - taken);
    }
    return lag;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    for (const watcher of this.#watchers) watcher.close();
    for (const { cursor } of this.#logs) cursor.close();
  }

  /** Whether the log has rows to hand over now. */
  #advance(log: OpenLog): boolean {
    if (log.rows.length > 0) return true;
    if (log.ended) return false;
    const next = log.cursor.next();
    if (next === undefined) return false;
    log.at = next.batch.position;
    log.rows = next.rows;
    if (next.batch.kind === 'end') log.ended = true;
    // A batch of which a part was done before a restart goes on behind that part.
    else if (log.taken > log.rows.length) throw corrupt(log.split);
    return !log.ended;
  }

  #handOver(log: OpenLog, out: BatchBuilder, bytesMax: number): void {
    const request = this.#request;
    request.bytes = log.rows;
    request.start = log.taken;
    request.end = log.rows.length;
    request.bytesMax = bytesMax;
    const next = log.decoder.decode(request, out);
    log.taken = next > log.taken ? next : log.rows.length;
    if (log.taken < log.rows.length) return;
    log.at = log.cursor.position;
    log.taken = 0;
    log.rows = NONE;
    log.cursor.tell(log.at);
  }

  /** The writer overwrites a file in the directory: most systems tell at once, and the others are asked now and then. */
  #watch(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (name === null || name === DURABLE_FILE) this.#context.wake();
      });
      watcher.on('error', () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      // Out of watches: the timer must do.
    }
  }

  #wakeLater(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(HTTP_POLL_INTERVAL_MS, () => {
      if (!this.#closed) this.#context.wake();
    });
  }
}

function openLog(split: Split, context: SourceContext): OpenLog {
  const { partition } = (split.spec ?? {}) as { readonly [key: string]: Json };
  if (!isPosition(partition)) throw corrupt(split);
  const { id, job } = context;
  const directory = job && partitionDirectory(job.directory, id, partition);
  if (directory === undefined || !existsSync(directory)) throw noServer(id);
  const { at, taken } = startOf(split, job?.id);
  const decoder = createRowDecoder('rows', context.schema, (reason, start, end) => {
    const excerpt = escapeBytes(log.rows.subarray(start, Math.min(end, start + EXCERPT_BYTES)));
    const record = { split: split.id, offset: log.at + start, reason, excerpt };
    reportMalformed(context, record, () => `${split.id}, position ${log.at}`);
  });
  const log: OpenLog = {
    split,
    directory,
    cursor: new LogCursor(directory, at),
    decoder,
    at,
    taken,
    rows: NONE,
    ended: false,
  };
  return log;
}

const EXCERPT_BYTES = 120;

function startOf(
  split: Split,
  job: string | undefined,
): { readonly at: number; readonly taken: number } {
  if (split.position === undefined) return { at: 0, taken: 0 };
  const position = split.position as { readonly [key: string]: Json } | null;
  const { at, taken } = position ?? {};
  if (!isPosition(at) || !isPosition(taken)) throw corrupt(split);
  return position?.job === job ? { at, taken } : { at: 0, taken: 0 };
}

function corrupt(split: Split): MillraceError {
  return new MillraceError(
    'CHECKPOINT_CORRUPT',
    `split "${split.id}" of an http source is not one`,
  );
}

function noServer(source: string): MillraceError {
  return new MillraceError(
    'SOURCE_UNAVAILABLE',
    `source "${source}" takes its records over HTTP, and no server takes them for this job`,
    {
      hint: 'run it on a server: "millrace serve", then "millrace jobs submit PIPELINE"; a local run can read a file or standard input',
    },
  );
}
