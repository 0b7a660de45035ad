import type { BatchBuilder } from '../abi/batch-builder.ts';
import type { Json } from '../model/json.ts';
import type { RecordSchema } from '../model/schema.ts';

/** A part of a source that is read in order on its own: a file, a range of one, a partition. */
export interface Split {
  /** Stable across restarts. */
  readonly id: string;
  /** What the connector needs to open it. */
  readonly spec: Json;
  /** Where to go on; undefined = from the beginning. The connector's own form. */
  readonly position: Json | undefined;
}

/** What a malformed record does: `skip` and `deadLetter` count it and go on, `fail` fails the task. */
export type OnMalformed = 'fail' | 'skip' | 'deadLetter';

export interface SourceContext {
  /** The record type its rows have. */
  readonly schema: RecordSchema;
  /** Operator id, for messages. */
  readonly id: string;
  /** The job, and its own directory; absolute. Undefined for a reader that is used without one. */
  readonly job?: { readonly id: string; readonly directory: string };
  readonly task: number;
  readonly parallelism: number;
  /** Called for each malformed record under `skip` and `deadLetter`; under `fail` the reader throws `RECORD_MALFORMED`. */
  readonly onMalformed: OnMalformed;
  malformed(record: MalformedRecord): void;
  /** Relative paths are taken from here. */
  readonly baseDirectory: string;
  /** Told which rows are of which split, so that each has a watermark of its own; a reader of one split at a time need not. */
  readonly progress?: SplitProgress;
  /** Calls the task again after an `idle` answer, from any later turn of the event loop. */
  wake(): void;
}

/** What a reader of several splits tells its task. Splits are named by their place among those given to `Source.open`. */
export interface SplitProgress {
  /** The split is read from now on: until it has records, or is idle, it holds the watermark back. */
  opened(split: number): void;
  /** The rows that `poll` appends from byte `at` of `out` on are of this split. */
  rows(split: number, at: number): void;
  /** The split has no more records. */
  ended(split: number): void;
}

export interface MalformedRecord {
  readonly split: string;
  readonly offset: number;
  readonly reason: string;
  /** The first bytes, escaped, for the log. */
  readonly excerpt: string;
}

/** `more`: call again; `idle`: nothing now, `wake` will be called; `end`: nothing ever. */
export type PollResult = 'more' | 'idle' | 'end';

/** One task's reader. Synchronous polls; what must wait happens between them. */
export interface SourceReader {
  /** Appends rows to `out`, about `bytesMax` bytes of them, without blocking longer than a local read. */
  poll(out: BatchBuilder, bytesMax: number): PollResult;
  /** The splits with their positions after the rows polled so far; finished splits included. */
  snapshot(): readonly Split[];
  /** Bytes of its splits not yet polled, where the source knows. */
  lagBytes?(): number | undefined;
  close(): Promise<void>;
}

/** A source connector with its options checked. */
export interface Source {
  /** The record type it yields, or undefined when any schema can be asked of it (`json`, `csv`). */
  readonly schema: RecordSchema | undefined;
  /** End-to-end guarantee, for `plan` and documentation. */
  readonly guarantee: 'replayable' | 'at-most-once';
  /** Most tasks that may read it at once, where that is bounded (`stdin`: 1). */
  readonly parallelismMax?: number;
  /** All splits, in a stable order. Called once per start, by the coordinator. Throws `SOURCE_UNAVAILABLE`. */
  splits(baseDirectory: string): Promise<readonly Split[]>;
  open(splits: readonly Split[], context: SourceContext): Promise<SourceReader>;
}
