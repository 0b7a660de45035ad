import type { StoredJob } from '../stored-job.ts';

/** The records of one request, as they came. */
export interface IngestRequest {
  readonly source: string;
  /** A record a line. */
  readonly body: Uint8Array;
  readonly idempotencyKey: string | undefined;
}

export interface IngestAnswer {
  readonly records: number;
  readonly partition: number;
  /** Where they stand in the log of the partition. */
  readonly position: number;
  /** They were stored by an earlier request with the same key. */
  readonly repeated: boolean;
}

/**
 * The logs of the `http` sources of a server's jobs. This process writes them, runners follow them; each may die and come back without the
 * other.
 *
 * H1  A job's logs are there before its first runner looks for them.
 * H2  They are removed file by file behind the oldest checkpoint that is kept, and with the job.
 */
export interface Ingest {
  /** Makes the logs of a job that is about to be stored, or mends those of one that is taken up. Throws `STORAGE_FAILED`. */
  open(job: StoredJob): Promise<void>;
  /**
   * Stores the records of a request, all or none, durably. Throws `SOURCE_NOT_FOUND`, `RECORD_MALFORMED`, `BODY_TOO_LARGE`,
   * `IDEMPOTENCY_KEY_REUSED`, `SOURCE_BEHIND`, `STORAGE_FAILED`, and `JOB_STATE` when the input was ended.
   */
  accept(job: StoredJob, request: IngestRequest): Promise<IngestAnswer>;
  /** Ends the input of a source, durably: the job finishes when all was read. Throws as `accept`. */
  finish(job: StoredJob, source: string): Promise<void>;
  /** Removes files that no retained checkpoint needs. */
  trim(): Promise<void>;
  /** Lets go of a job's logs. */
  forget(job: string): Promise<void>;
  close(): Promise<void>;
}
