/**
 * Bounds of what a server takes from outside and hands on, each with its unit and its reason; the others are in `limits.ts`. A test hits
 * each.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

// -- requests and who makes them --

/** Characters of a server's token; fewer can be guessed. */
export const TOKEN_CHARS_MIN = 16;
/** Milliseconds a client may take to send a request, body included. */
export const REQUEST_TIMEOUT_MS = 120_000;
/** Milliseconds a client may take to send the headers of a request, from its connection on or from the answer before. */
export const HEADERS_TIMEOUT_MS = 5_000;
/** Milliseconds between two looks for connections that took too long. */
export const CONNECTIONS_CHECK_MS = 1_000;
/** Milliseconds for which a connection stays open without a request. */
export const KEEP_ALIVE_MS = 5_000;
/** Milliseconds in which a body that is being received must grow by `SLOW_BODY_BYTES`. */
export const SLOW_BODY_MS = 4_000;
/** Bytes of that growth: one KiB a second, what the slowest lines in use bring. */
export const SLOW_BODY_BYTES = 4 * KiB;
/** Connections of a server; each takes some memory, whoever opens it. */
export const CONNECTIONS_MAX = 10_000;
/** Requests a second from one token at one address. */
export const REQUESTS_PER_SECOND_MAX = 5_000;
/** Wrong tokens a minute from one address: enough for mistakes, too few to guess. */
export const TOKEN_FAILURES_PER_MINUTE_MAX = 60;
/** Bytes of bodies that one token at one address may be sending at once. */
export const BODY_BYTES_UNDER_WAY_MAX = 256 * MiB;
/** Tokens of a server: each request is compared with every one. */
export const TOKENS_MAX = 1_000;
/** Bytes of a token file. */
export const TOKEN_FILE_BYTES_MAX = 1 * MiB;
/** Milliseconds between two looks whether the token file has changed. */
export const TOKEN_FILE_CHECK_MS = 1_000;
/** Jobs that a tenant may have at once unless its line in the token file says otherwise. */
export const TENANT_JOBS_MAX = 100;
/** Bytes of modules that a tenant may have unless its line in the token file says otherwise. */
export const TENANT_MODULE_BYTES_MAX = 1024 * MiB;
/** Bytes of one file of the audit log. */
export const AUDIT_FILE_BYTES = 16 * MiB;
/** Files of the audit log: about a million changes. */
export const AUDIT_FILES_MAX = 16;
/** Bytes of a pipeline document that is read where it came in; a larger one takes a thread of its own. */
export const DOCUMENT_INLINE_BYTES_MAX = 8 * KiB;
/** Milliseconds that reading a document may take there; 1 MiB takes about one second. */
export const DOCUMENT_TIMEOUT_MS = 60_000;
/** Milliseconds after which a thread that reads documents ends when none comes. */
export const DOCUMENT_IDLE_MS = 10_000;

// -- records over HTTP --

/** Bytes of a body that the ingest route reads; with its records it stands in memory until it is durable. */
export const HTTP_BODY_BYTES_MAX = 4 * MiB;
/** Records of one such request. */
export const HTTP_RECORDS_MAX = 100_000;
/** Bytes of rows that one such request may make: many short lines make long rows. */
export const HTTP_ROW_BYTES_MAX = 32 * MiB;
/** Malformed lines of a request that are told one by one; the rest are counted. */
export const HTTP_FINDINGS_MAX = 100;
/** Bytes of rows that are decoded before other requests get a turn: a few milliseconds. */
export const HTTP_DECODE_BYTES = 256 * KiB;
/** Bytes that one sync of an ingest log covers at most. */
export const HTTP_COMMIT_BYTES_MAX = 8 * MiB;
/** Bytes of batches that may wait for a sync in one log; beyond, requests are answered 429. */
export const HTTP_PENDING_BYTES_MAX = 64 * MiB;
/** Bytes after which an ingest log begins another file: what is removed at once. */
export const HTTP_SEGMENT_BYTES = 16 * MiB;
/** Bytes that an ingest log may be ahead of the job unless the source says otherwise. */
export const HTTP_AHEAD_BYTES = 256 * MiB;
/** Bytes that a source may allow its log to be ahead. */
export const HTTP_AHEAD_BYTES_MAX = 64 * 1024 * MiB;
/** An ingest log may take so many times `aheadMax` on the disk while checkpoints fail or come rarely. */
export const HTTP_LOG_TIMES_AHEAD = 4;
/** Partitions of one `http` source: each has a log, and a sync for every group of requests. */
export const HTTP_PARTITIONS_MAX = 64;
/** Characters of an `Idempotency-Key`. */
export const HTTP_KEY_CHARS_MAX = 255;
/** Idempotency keys that a partition remembers: about 20 MB of memory. */
export const HTTP_KEYS_MAX = 100_000;
/** Milliseconds for which it remembers them. */
export const HTTP_KEY_LIFE_MS = 24 * 60 * 60 * 1_000;
/** Milliseconds after which a reader looks at a log, if the system did not tell of a change. */
export const HTTP_POLL_INTERVAL_MS = 250;
/** Milliseconds between two looks for files of ingest logs that no checkpoint needs. */
export const HTTP_TRIM_INTERVAL_MS = 2_000;

// -- looking at running jobs --

/** Rows of one look at the output of a step, per task. */
export const TAP_ROWS_MAX = 1_000;
/** Bytes of such a look, per task. */
export const TAP_BYTES_MAX = 64 * KiB;
/** Milliseconds for which a look waits for rows. */
export const TAP_COLLECT_MS = 200;
/** Milliseconds between two looks of one who goes on looking: what passes meanwhile is not copied. */
export const TAP_INTERVAL_MS = 300;
/** Milliseconds that a job's workers have to answer who looks on. */
export const PEEK_TIMEOUT_MS = 2_000;
/** Bytes of output that is kept for those who follow a `memory` sink; older output is dropped. */
export const OUTPUT_LOG_BYTES = 64 * MiB;
/** Bytes after which that log begins another file: what is dropped at once. */
export const OUTPUT_SEGMENT_BYTES = 8 * MiB;
/** Bytes of rows in one of its entries: a reader takes them whole. */
export const OUTPUT_ENTRY_BYTES = 1 * MiB;
/** Milliseconds after which a followed sink is looked at, if the system did not tell of a change. */
export const OUTPUT_POLL_INTERVAL_MS = 500;
