/**
 * Bounds of what is done with an upload before it is stored: gating, compiling, trying. As in `limits.ts`, with unit and reason.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** Milliseconds, of wall and of CPU time, that compiling a stranger's source may take. */
export const COMPILE_TIMEOUT_MS = 30_000;
/** Bytes of resident memory that the compiler may take; it needs about 250 MiB. */
export const COMPILE_RSS_BYTES_MAX = 768 * MiB;
/** Bytes of the compiler's answer: module and source map as text. */
export const COMPILED_BYTES_MAX = 32 * MiB;
/** Sample records that each input of a function is tried on when a module is uploaded: three of extremes, then plain ones. */
export const TRIAL_RECORDS = 12;
/** Characters of text, and elements of lists, of the longest sample record. */
export const TRIAL_TEXT_CHARS = 16 * KiB;
export const TRIAL_LIST_ELEMENTS = 1_024;
/** Functions of a module that are tried; the others are listed without figures. */
export const TRIAL_FUNCTIONS_MAX = 64;
/** Sample records that a function may fail on before it is tried on no more: each costs its whole budget of fuel. */
export const TRIAL_FAILURES_MAX = 4;
/** Milliseconds, of wall and of CPU time, that the process may take in which a module is tried. */
export const TRIAL_TIMEOUT_MS = 10_000;
/** Bytes of resident memory that it may take: Node's own, 64 MiB of a guest, and the compiler. */
export const TRIAL_RSS_BYTES_MAX = 512 * MiB;
/** Bytes of the answer of such a process about a trial. */
export const TRIAL_ANSWER_BYTES_MAX = 1 * MiB;
/** Uploads that may wait for the gate or for their trial; beyond, they are answered 503. */
export const UPLOADS_WAITING_MAX = 64;
/** Modules that are tried at the same time. */
export const TRIALS_AT_ONCE = 2;
/** Milliseconds that the gate may take for one upload; it needs about 20 for each MiB. */
export const GATE_TIMEOUT_MS = 10_000;
/** MiB of JavaScript heap that the gate's thread may use. */
export const GATE_HEAP_MIB = 256;
/** Milliseconds without an upload after which the gate's thread ends. */
export const GATE_IDLE_MS = 60_000;
