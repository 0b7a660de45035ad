/**
 * Every bound of Millrace, with its unit and its reason. A test hits each.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

// -- modules (figures that eleven real modules pass with room, see ARCHITECTURE.md) --

/** Bytes of an uploaded module. Larger ones took V8 up to 45 s to compile. */
export const MODULE_BYTES_MAX = 4 * MiB;
/** Functions a module may define. */
export const MODULE_FUNCTIONS_MAX = 20_000;
/** Bytes of one function body. */
export const FUNCTION_BODY_BYTES_MAX = 256 * KiB;
/** Locals of one function, parameters included. */
export const FUNCTION_LOCALS_MAX = 2_000;
/** Locals times body bytes: the optimiser's cost grows with the product. */
export const FUNCTION_LOCALS_TIMES_BYTES_MAX = 32_000_000;
/** Nested blocks of one function. */
export const FUNCTION_NESTING_MAX = 10_000;
/** Parameters of one function type; every call checks that many operands. */
export const FUNCTION_PARAMETERS_MAX = 256;
/** Results of one function type, and parameters and results of one block. */
export const FUNCTION_RESULTS_MAX = 16;
/** Targets of one `br_table`; V8 takes no more. */
export const BRANCH_TABLE_MAX = 65_520;
/** Entries of the type, global, element and data sections of a module, each. */
export const MODULE_ENTRIES_MAX = 20_000;
/** Imports of a module: the ABI and the WASI subset have far fewer. */
export const MODULE_IMPORTS_MAX = 256;
/** Exports of a module. */
export const MODULE_EXPORTS_MAX = 20_000;
/** Custom sections of a module: each of three bytes would otherwise become an object. */
export const MODULE_CUSTOM_SECTIONS_MAX = 1_000;
/** Tables of a module. */
export const MODULE_TABLES_MAX = 16;
/** Findings one gate report lists; the rest is counted. */
export const GATE_FINDINGS_MAX = 100;
/** Characters of a function name kept from the `name` section. */
export const FUNCTION_NAME_CHARS_MAX = 200;
/** Files and entries of the `millrace.lines` section; what has more is of no use. */
export const LINE_FILES_MAX = 4_096;
export const LINE_ENTRIES_MAX = 1_000_000;
/** Memories of dead instances of a module that are kept for the next, in each thread. */
export const SPARE_MEMORIES_MAX = 4;
/** Bytes of one: clearing more takes as long as making a new one. */
export const SPARE_MEMORY_BYTES_MAX = 1 * MiB;
/** Fuel for what is not a batch: the `start` section and `_initialize`, and each `mr_buffer`. */
export const START_FUEL = 50_000_000;
/** Entries of a table; V8 aborts the process on very large ones. */
export const TABLE_ENTRIES_MAX = 65_536;
/** Pages (64 KiB) of guest memory unless the step asks for less: 64 MiB. */
export const MEMORY_PAGES_MAX = 1_024;
/** Nesting depth of guest calls before the depth counter traps. */
export const CALL_DEPTH_MAX = 512;
/** Fuel one record may use unless the step says otherwise; about a millisecond of work. */
export const FUEL_PER_RECORD_DEFAULT = 2_000_000;
/** A longer record has the fuel of several, one for each of these bytes: work grows with what there is to read. */
export const FUEL_RECORD_BYTES = 1_024;
/** Fuel one guest call may use at most: the counter is a signed 32-bit number. */
export const FUEL_PER_CALL_MAX = 2 ** 31 - 1;
/** Bytes one guest call may emit for one input batch. */
export const OUTPUT_BYTES_MAX = 64 * MiB;
/** Bytes of log text one guest call may write; the rest is dropped and counted. */
export const LOG_BYTES_PER_CALL_MAX = 16 * KiB;
/** Bytes of the `millrace` custom section. */
export const SECTION_BYTES_MAX = 256 * KiB;

// -- rows and batches --

/** Bytes a batch aims for. 64 KiB holds 1k–4k rows, where a guest call is cheapest per record. */
export const BATCH_BYTES_TARGET = 64 * KiB;
/** Bytes of one row. A line longer than this is a malformed record. */
export const ROW_BYTES_MAX = 4 * MiB;
/** Bytes of one key. A key is made of fields of a row, with a length before each string. */
export const KEY_BYTES_MAX = ROW_BYTES_MAX + 4 * KiB;
/** Splits of one source: each has a position in every checkpoint. */
export const SPLITS_MAX = 100_000;
/** Average bytes of a generated Nexmark event: rows of the longest must fit a batch many times over. */
export const NEXMARK_TEXT_BYTES_MAX = 64 * KiB;
/** Fields of one record. */
export const FIELDS_MAX = 256;
/** Nesting depth of lists and records in a schema. */
export const SCHEMA_DEPTH_MAX = 8;
/** Fields of one record, those of nested records counted where they appear: codecs are built from each. */
export const FIELDS_EXPANDED_MAX = 4_096;
/** Nesting depth of JSON values in fields that are passed over. */
export const JSON_DEPTH_MAX = 64;

/** States of one process function. */
export const STATES_MAX = 64;
/** Metrics of one process function: each is a time series of every task. */
export const METRICS_MAX = 64;
/** Milliseconds of the longest time to live of a state: a hundred years. */
export const TTL_MS_MAX = 100 * 366 * 24 * 3_600_000;
/** Timers of different keys that fire in one call. */
export const TIMERS_PER_CALL_MAX = 2_048;
/** Times in a row that timers may set others that are due at once, and that a chain of timers goes on when the input has ended. */
export const TIMER_ROUNDS_MAX = 1_000;
/** Milliseconds between two looks at the clock for a process function: its `now` is at most so old. */
export const PROCESS_TICK_MS = 50;
/** Timers and map entries that one call of a process function may hand over, each. */
export const PROCESS_WRITES_MAX = 1_000_000;

// -- runtime --

/** Key groups of a job unless the pipeline says otherwise; also the upper bound of parallelism. */
export const KEY_GROUPS_DEFAULT = 128;
/** Key groups a pipeline may ask for. */
export const KEY_GROUPS_MAX = 32_768;
/** Parallel tasks of one step. */
export const PARALLELISM_MAX = 128;
/** Bytes of one ring between two threads. */
export const RING_BYTES = 512 * KiB;
/** Elements a channel inside a thread holds before its sender waits. */
export const LOCAL_CHANNEL_ELEMENTS = 16;
/** Milliseconds a record may wait in a half-full batch before it is sent on. */
export const FLUSH_INTERVAL_MS = 5;
/** Milliseconds between two watermarks of a source: each sends half-full batches on. */
export const WATERMARK_INTERVAL_MS = 20;
/** Bytes of the rings of one edge together; with many tasks each ring gets its share, a power of two. */
export const EDGE_RING_BYTES_MAX = 64 * MiB;
/** Bytes of a ring at least. */
export const RING_BYTES_MIN = 32 * KiB;
/** Milliseconds a worker loop works before it lets messages and input of its thread have a turn. */
export const WORKER_SLICE_MS = 2;
/** Milliseconds a worker loop sleeps at most, should a wake-up ever be lost. */
export const WORKER_SLEEP_MS = 500;
/** Milliseconds between two reports of a worker's counters. */
export const METRICS_INTERVAL_MS = 250;
/** Milliseconds a worker gets to leave its loop before its thread is ended. */
export const WORKER_STOP_MS = 1_000;
/** Milliseconds before a failed final or swap checkpoint is tried again. */
export const CHECKPOINT_RETRY_MS = 1_000;
/** Times the final checkpoint is tried before the job fails. */
export const FINAL_CHECKPOINT_ATTEMPTS = 5;
/** Lines a second in a job's log; a guest may log for every record. */
export const LOG_LINES_PER_SECOND_MAX = 1_000;
/** Milliseconds to wait for the workers' counters before the last known are taken. */
export const MEASURE_TIMEOUT_MS = 1_000;
/** Restarts of a pipeline that runs without a server, unless it is told otherwise. */
export const RESTART_ATTEMPTS = 3;
/** Milliseconds before each of them. */
export const RESTART_DELAY_MS = 500;
/** Bytes of dead letters one task gathers between two checkpoints before it asks for one. */
export const DEAD_LETTER_BYTES_MAX = 4 * MiB;
/** Attempts of a job whose fences are kept; one holds back all before it, the others are for people. */
export const ATTEMPTS_REMEMBERED = 8;
/** Milliseconds a checkpoint may take before it is given up. */
export const CHECKPOINT_TIMEOUT_MS = 60_000;
/** Blobs of changes on top of one with everything, before state is written whole again: recovery reads them all. */
export const CHANGES_CHAINED_MAX = 8;
/** Bytes of keyed state that a task copies for a checkpoint between two batches: about a millisecond. */
export const CAPTURE_SLICE_BYTES = 512 * KiB;
/** Milliseconds that workers have to say that nothing builds on a given-up checkpoint any more. */
export const FORGET_TIMEOUT_MS = 5_000;
/** Completed checkpoints kept. */
export const CHECKPOINTS_RETAINED = 3;
/** Milliseconds between two checkpoints unless the pipeline says otherwise. */
export const CHECKPOINT_INTERVAL_MS = 10_000;
/** Bytes of a Unix socket's path: the address holds 104 on some systems, 108 on others. */
export const SOCKET_PATH_BYTES_MAX = 100;
/** Bytes of one line on a runner's socket; metrics of a thousand operators need about half a megabyte. */
export const RUNNER_LINE_BYTES_MAX = 16 * MiB;
/** Milliseconds a new runner process may take until it answers on its socket. */
export const RUNNER_START_TIMEOUT_MS = 30_000;
/** Milliseconds between two questions to a runner whether it is alive. */
export const RUNNER_PING_INTERVAL_MS = 5_000;
/** Questions a runner may leave unanswered before it counts as lost: twenty seconds of silence. */
export const RUNNER_UNANSWERED_MAX = 4;
/** Milliseconds until a runner that is alive says who it is. */
export const RUNNER_GREETING_TIMEOUT_MS = 5_000;
/** MiB of JavaScript heap in a runner. Batches and state lie outside of it. */
export const RUNNER_HEAP_MIB = 1_024;

/** Bytes of keyed state of one step in one task, keys included: a fair share of a runner's memory. */
export const STATE_BYTES_MAX = 1024 * MiB;
/** Tables of one windowed step that are engines, each with a memory of its own; the windows beyond are kept in plain maps. */
export const WINDOW_ENGINES_MAX = 96;
/** Panes of one sliding window: merging one takes all of them. */
export const WINDOW_PANES_MAX = 4_096;
/** Records of a window of a count, and of a trigger. */
export const COUNT_WINDOW_MAX = 1_000_000_000;
/** Rows and bytes of the recent input that warms a new module version before it takes over. */
export const WARM_ROWS_MAX = 256;
export const WARM_BYTES_MAX = 64 * KiB;
/** Calls that warm a new version; guest loops reach the optimising tier after 20 to 50 batches. */
export const WARM_CALLS = 32;

// -- control --

/** Steps, sources and sinks of one pipeline together. */
export const OPERATORS_MAX = 1_000;
/** Bytes of a pipeline document. */
export const PIPELINE_BYTES_MAX = 1 * MiB;
/** Nesting depth of a pipeline document, connector options included. */
export const PIPELINE_DEPTH_MAX = 32;
/** Uses of aliases a YAML document may have, each weighed by the aliases inside what it repeats: no alias bombs. */
export const PIPELINE_ALIASES_MAX = 100;
/** Milliseconds of the longest duration: what a timer of Node can wait. */
export const DURATION_MS_MAX = 2 ** 31 - 1;
/** Records that `limit` may let pass, and between which `inspect` may log one. */
export const RECORDS_MAX = 1_000_000_000_000;
/** Side outputs of one step. */
export const SIDES_MAX = 256;
/** Records that `topN` may keep of a key: they are one state, handed out whole. */
export const TOP_MAX = 1_000;
/** Findings of a document that are told one by one; the rest are counted. */
export const FINDINGS_SHOWN_MAX = 500;
/** Attempts after the first that `onError: { retry }` may ask for. */
export const RETRIES_MAX = 100;
/** Bytes of AssemblyScript source taken by the compile route. */
export const SOURCE_BYTES_MAX = 1 * MiB;
/** Characters of a name: module, job, operator, field. */
export const NAME_CHARS_MAX = 64;
/** Failures in a row after which a job is given up. */
export const RESTARTS_MAX = 10;
/** KiB of memory that a runner process may write to, whatever it is for: heaps, guests and state together. */
export const RUNNER_MEMORY_KIB = 12 * 1024 * 1024;
/** Milliseconds that a step's function may work on one batch, unless its `limits` say otherwise. */
export const BATCH_DEADLINE_MS = 10_000;
/** Milliseconds between two looks at what the worker threads are doing. */
export const DEADLINE_LOOK_MS = 50;
/** Milliseconds past its deadline after which a batch that goes on takes its process with it, less one look. */
export const DEADLINE_GRACE_MS = 150;
/** Milliseconds before the first restart; each further one in a row waits twice as long. */
export const RESTART_BACKOFF_MS = 100;
/** Milliseconds a restart waits at most: a job goes on so soon after a fault has ended. */
export const RESTART_BACKOFF_MAX_MS = 4_000;
/** Restarts that a pipeline may ask for. */
export const RESTART_ATTEMPTS_MAX = 1_000_000_000;
/** Failures of an interval that a failure rate may allow: the times of that many are remembered. */
export const RESTART_FAILURES_MAX = 1_000;
/** Milliseconds without a failure after which earlier ones no longer count. */
export const RESTART_HEALTHY_MS = 60_000;
/** Milliseconds a runner has to end a cancelled job by itself before it is killed. */
export const CANCEL_TIMEOUT_MS = 5_000;
/** Failures of a job that are remembered. */
export const EXCEPTIONS_MAX = 50;
/** Checkpoints whose records are remembered, beyond those that are kept. */
export const CHECKPOINT_HISTORY_MAX = 1_000;
/** Bytes of a body that the upload routes read, so that a module a little too large gets an answer and not a cut line. */
export const UPLOAD_BYTES_MAX = 16 * MiB;
/** Bytes of a body that the submit route reads; what is larger than a document may be is told by its reader. */
export const SUBMISSION_BYTES_MAX = 4 * MiB;
/** Bytes at the end of a log that are searched for the latest entries. */
export const LOG_SEARCH_BYTES_MAX = 16 * MiB;
/** Milliseconds after which a followed log is looked at, if the system did not tell of a change. */
export const LOG_POLL_INTERVAL_MS = 1_000;

// -- storage --

/** Times a request to S3 is tried; with the pauses between them, about six seconds of trouble are bridged. */
export const S3_ATTEMPTS = 6;
/** Milliseconds before the second attempt; each further pause is twice as long. */
export const S3_RETRY_MS = 200;
/** Milliseconds of the longest pause between two attempts. */
export const S3_RETRY_MAX_MS = 5_000;
/** Milliseconds without a byte after which a request to S3 is given up. */
export const S3_TIMEOUT_MS = 30_000;
/** Bytes of one answer of S3. The largest blob is the state of one step in one task, with room for its own lengths. */
export const S3_BODY_BYTES_MAX = STATE_BYTES_MAX + 64 * MiB;

// -- connectors --

/** Milliseconds that a start of a job waits for a PostgreSQL server that is just restarting. */
export const POSTGRES_START_TIMEOUT_MS = 20_000;
/** Milliseconds that a start of a job waits for a receiver of its webhooks that is just restarting. */
export const WEBHOOK_START_TIMEOUT_MS = 20_000;

// -- lookups --

/** Rows that one task of a lookup has under way unless the pipeline says otherwise, and that it may ask for. */
export const LOOKUP_CAPACITY = 100;
export const LOOKUP_CAPACITY_MAX = 10_000;
/** Milliseconds until a lookup is given up or repeated unless the pipeline says otherwise. */
export const LOOKUP_TIMEOUT_MS = 5_000;
/** Repetitions of a lookup that gets no answer, and milliseconds before the first, unless the pipeline says otherwise. */
export const LOOKUP_RETRIES = 3;
export const LOOKUP_BACKOFF_MS = 100;
/** Milliseconds of the longest pause between two repetitions. */
export const LOOKUP_BACKOFF_MAX_MS = 10_000;
/** Keys in one query of a table that takes several. */
export const LOOKUP_KEYS_MAX = 100;
/** Answers that one task may remember. */
export const LOOKUP_CACHE_MAX = 1_000_000;
/** Bytes of one answer: as a row. */
export const LOOKUP_ANSWER_BYTES_MAX = ROW_BYTES_MAX;
