/**
 * Every error Millrace reports, in one registry. The scope is the decision: whoever catches the
 * error looks at nothing else.
 *
 * - `record`  the operator's error policy decides (fail, skip, retry, deadLetter)
 * - `task`    the job restarts from its last checkpoint
 * - `job`     the job stops; a restart would meet the same fault
 * - `request` the caller is told (HTTP 4xx or 5xx by `status`, CLI exit 1 or 2)
 *
 * Codes are never renamed or reused. `host/errors.md` documents each; a test holds both equal.
 */

export type ErrorScope = 'record' | 'task' | 'job' | 'request';

interface ErrorEntry {
  readonly scope: ErrorScope;
  /** HTTP status when the error reaches a request. */
  readonly status: number;
  /** What the code means, one clause. */
  readonly summary: string;
}

const entry = (scope: ErrorScope, status: number, summary: string): ErrorEntry => ({
  scope,
  status,
  summary,
});

export const ERRORS = {
  // sandbox: uploads
  MODULE_MALFORMED: entry('request', 422, 'the upload is not a well-formed WebAssembly module'),
  MODULE_REFUSED: entry('request', 422, 'the gate found something a module may not contain'),
  MODULE_TOO_LARGE: entry('request', 413, 'the module exceeds the size limit'),
  MODULE_SECTION_MISSING: entry('request', 422, 'the module has no "millrace" custom section'),
  MODULE_SECTION_INVALID: entry('request', 422, 'the "millrace" custom section cannot be read'),
  MODULE_ABI_VERSION: entry('request', 422, 'the module speaks another ABI version'),
  MODULE_SIGNATURE: entry('request', 422, 'an export lacks the signature its kind requires'),
  MODULE_NOT_ADMITTED: entry('request', 422, 'the module did not start, or not stay in its bounds'),
  UPLOADS_BUSY: entry('request', 503, 'more modules are being uploaded than the server checks'),
  COMPILE_FAILED: entry('request', 422, 'the source does not compile'),
  // sandbox: run time
  GUEST_TRAP: entry('record', 422, 'a guest function trapped'),
  FUEL_EXHAUSTED: entry('record', 422, 'a guest function used more fuel than its budget'),
  ABI_VIOLATION: entry('record', 422, 'a guest handed over memory that breaks the ABI'),
  OUTPUT_LIMIT: entry('record', 422, 'a guest function emitted more than its output limit'),
  // records
  RECORD_MALFORMED: entry('record', 422, 'an input record cannot be decoded'),
  RECORD_TOO_LARGE: entry('record', 422, 'a record exceeds the row size limit'),
  // pipelines
  PIPELINE_INVALID: entry('request', 422, 'the pipeline document has findings'),
  PIPELINE_UNREADABLE: entry('request', 400, 'the pipeline document is not YAML or JSON'),
  // catalog
  MODULE_NOT_FOUND: entry('request', 404, 'the catalog has no such module or version'),
  MODULE_EXISTS: entry('request', 409, 'the version exists with other bytes'),
  MODULE_IN_USE: entry('request', 409, 'a job refers to the module version'),
  NAME_INVALID: entry('request', 400, 'a name breaks the grammar'),
  // jobs
  JOB_NOT_FOUND: entry('request', 404, 'there is no such job'),
  JOB_STATE: entry('request', 409, 'the job is not in a state that allows this'),
  SOURCE_NOT_FOUND: entry('request', 404, 'the job has no such source that takes records'),
  SINK_NOT_FOUND: entry('request', 404, 'the job has no such sink that can be followed'),
  SOURCE_BEHIND: entry('request', 429, 'the job is too far behind to take more records'),
  IDEMPOTENCY_KEY_REUSED: entry('request', 422, 'the key came before with another body'),
  STATE_NOT_FOUND: entry('request', 404, 'the step has no such state that can be looked at'),
  STEP_NOT_FOUND: entry('request', 404, 'the job has no such step'),
  UPDATE_NOT_FOUND: entry('request', 404, 'the job has no such update'),
  UPDATE_CONFLICT: entry('request', 409, 'another update of the step is under way'),
  UPDATE_REFUSED: entry('request', 422, 'the new version does not fit the step'),
  RUNNER_LOST: entry('task', 503, 'the runner process died or does not answer'),
  TASK_FAILED: entry('task', 500, 'a task failed'),
  RESTARTS_EXHAUSTED: entry(
    'job',
    500,
    'the job failed more often than its restart strategy allows',
  ),
  ATTEMPT_FENCED: entry('job', 409, 'a later attempt of the job has begun elsewhere'),
  DEADLINE_EXCEEDED: entry('task', 503, 'something did not finish before its deadline'),
  // checkpoints, state
  CHECKPOINT_FAILED: entry('request', 503, 'a checkpoint could not be completed'),
  CHECKPOINT_CORRUPT: entry('job', 500, 'a checkpoint cannot be read back'),
  SAVEPOINT_NOT_FOUND: entry('request', 404, 'there is no savepoint of that name'),
  SAVEPOINT_EXISTS: entry('request', 409, 'the folder for a savepoint is taken'),
  SAVEPOINT_INCOMPATIBLE: entry('request', 422, 'a savepoint does not fit the pipeline'),
  TIMER_LOOP: entry('job', 422, 'timers set ever new ones that are due at once'),
  STATE_LIMIT: entry('job', 422, 'keyed state exceeds its limit'),
  // storage, connectors
  BLOB_NOT_FOUND: entry('task', 404, 'storage has no such blob'),
  STORAGE_FAILED: entry('task', 503, 'storage refused to read or write'),
  CONNECTOR_UNKNOWN: entry('request', 422, 'there is no connector of that name'),
  CONNECTOR_OPTION: entry('request', 422, 'a connector option is missing or wrong'),
  SOURCE_UNAVAILABLE: entry('job', 422, 'a source cannot be opened or read'),
  LOOKUP_UNAVAILABLE: entry('task', 503, 'a table that rows are looked up in does not answer'),
  SINK_UNAVAILABLE: entry('job', 422, 'a sink cannot be opened or written'),
  // requests
  REQUEST_INVALID: entry('request', 400, 'the request does not match its schema'),
  ROUTE_NOT_FOUND: entry('request', 404, 'there is no such route'),
  BODY_TOO_LARGE: entry('request', 413, 'the request body exceeds its limit'),
  CONTENT_TYPE: entry('request', 415, 'the route takes no body of this content type'),
  ORIGIN_REFUSED: entry('request', 403, 'a foreign web page made the request'),
  FORBIDDEN: entry('request', 403, 'the role of the token does not allow the request'),
  RATE_LIMITED: entry('request', 429, 'one caller makes too many requests'),
  QUOTA_EXCEEDED: entry('request', 403, 'the tenant would have more than its quota'),
  ADDRESS_REFUSED: entry('job', 422, 'a connector may not connect to the address'),
  UNAUTHORIZED: entry('request', 401, 'the request carries no valid token'),
  BIND_REFUSED: entry('request', 400, 'the server does not bind beyond loopback without a token'),
  PORT_TAKEN: entry('request', 409, 'the port is in use'),
  DATA_DIRECTORY: entry('request', 400, 'the data directory cannot be used'),
  SERVER_UNREACHABLE: entry('request', 503, 'no server answers at the address'),
  OUTPUT_DIFFERS: entry('request', 422, 'a function put out something else than was expected'),
  USAGE: entry('request', 400, 'the command line is wrong'),
  INTERNAL: entry('request', 500, 'a fault of Millrace itself'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorOptions {
  /** What the reader can do about it, one sentence without a final period. */
  readonly hint?: string;
  /** One string per finding, when there are several. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
}

/** The JSON form of an error, the same in HTTP answers, logs and `--json` output. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: readonly string[];
  readonly hint: string;
}

/**
 * The only error class of Millrace. Messages are lower case, without a final period, and name the
 * object by kind and quoted name: `step "words" used 2.1 M fuel on one record, limit 2 M`.
 */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly string[];
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.details = options.details ?? [];
    this.hint = options.hint ?? '';
  }

  get scope(): ErrorScope {
    return ERRORS[this.code].scope;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** The JSON form; the cause stays behind, it is for the log. */
  report(): ErrorReport {
    return { code: this.code, message: this.message, details: this.details, hint: this.hint };
  }

  /** Rebuilds an error that crossed a thread, process or network boundary as JSON. */
  static fromReport(report: ErrorReport): MillraceError {
    const code = report.code in ERRORS ? report.code : 'INTERNAL';
    return new MillraceError(code, report.message, {
      details: report.details,
      hint: report.hint,
    });
  }

  /** Any thrown value as a MillraceError; what is not one becomes `INTERNAL` with it as the cause. */
  static from(thrown: unknown): MillraceError {
    if (thrown instanceof MillraceError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new MillraceError('INTERNAL', message, { cause: thrown });
  }
}
