/** A batch of records for a log. */
export interface LogEntry {
  /** Rows, one after the other. */
  readonly rows: Uint8Array;
  readonly count: number;
  /** Digest of the idempotency key, hex; empty = none. */
  readonly key: string;
  /** Digest of the request's body, hex. */
  readonly body: string;
}

/** Where a batch stands in its log. */
export interface Appended {
  readonly position: number;
  readonly count: number;
  /** It was there already, from an earlier request with this key. */
  readonly repeated: boolean;
}

/**
 * The durable log of one partition of an `http` source, as its one writer has it.
 *
 * G1  `append` resolves when the batch is durable. Batches that wait while another sync is under way share the next.
 * G2  After a failed write or sync of a file nothing more is put into it, and what it holds behind the last good sync counts for
 *     nothing: the next batch begins a new file at that position. After a failed sync of the directory the log takes
 *     nothing more until it is opened again.
 * G3  A file of entries is removed after the keys of its entries were stored elsewhere, durably.
 * G4  A batch with a key that is remembered is not appended again; one whose body differs is refused.
 */
export interface IngestLog {
  /** Throws `STORAGE_FAILED`, `IDEMPOTENCY_KEY_REUSED`, and `JOB_STATE` when the input was ended. */
  append(entry: LogEntry): Promise<Appended>;
  /** Marks the end of the input, durably. May be repeated. */
  finish(): Promise<void>;
  /** Up to here it is durable. */
  readonly end: number;
  /** Up to here readers have read; 0 while nobody has. */
  readPosition(): Promise<number>;
  /** Where the oldest file of entries begins. */
  readonly start: number;
  /** Bytes of batches that wait for their sync. */
  readonly pendingBytes: number;
  readonly ended: boolean;
  /** Removes files that hold nothing from `position` on. */
  trim(position: number): Promise<void>;
  /** Waits for what is under way, then lets go of the files. */
  close(): Promise<void>;
}
