/**
 * The call of a process function (`ABI.md`, section 7): the row or timer under way, and what is collected beside rows and states. Nothing
 * here outlives a call: `__mr_process_begin` sets everything anew.
 */
import { allocateBlock } from './arena';
import { beginMaps } from './process-maps';

// @ts-ignore: decorator
@external('millrace', 'timers')
declare function hostTimers(pointer: usize, count: i32): void;
// @ts-ignore: decorator
@external('millrace', 'side')
declare function hostSide(side: i32, pointer: usize, bytes: usize, rows: i32): void;
// @ts-ignore: decorator
@external('millrace', 'metrics')
declare function hostMetrics(pointer: usize, count: i32): void;

// @ts-ignore: decorator
@inline
const TIMERS: i32 = 128;
// @ts-ignore: decorator
@inline
const SIDE_CHUNK: usize = 16 << 10;
// @ts-ignore: decorator
@inline
const MARGIN: usize = 16;

let source: i32 = 0;
let context: usize = 0;
/** The key's entry in the table of states; 0 when the row has no key. */
let entry: usize = 0;
let ordinal: u32 = 0;
let time: i64 = 0;

let timers: usize = 0;
let timerCount: i32 = 0;

let sideStart: usize = 0;
let sideAt: usize = 0;
let sideEnd: usize = 0;
let sideRows: i32 = 0;
let sideNumber: i32 = 0;

let metrics: usize = 0;
let metricCount: i32 = 0;

/** `gauges` is a bit for each metric that is one: unset is NaN. */
// @ts-ignore: decorator
@global
export function __mr_process_begin(callSource: i32, callContext: usize, metricsDeclared: i32, gauges: u64): void {
  source = callSource;
  context = callContext;
  entry = 0;
  timers = 0;
  timerCount = 0;
  sideStart = 0;
  sideAt = 0;
  sideEnd = 0;
  sideRows = 0;
  metricCount = metricsDeclared;
  metrics = metricsDeclared == 0 ? 0 : allocateBlock(<usize>metricsDeclared << 3);
  for (let i = 0; i < metricsDeclared; i++) {
    const isGauge = ((gauges >> <u64>i) & 1) != 0;
    store<f64>(metrics + (<usize>i << 3), isGauge ? NaN : 0);
  }
  beginMaps();
}

/** The row or timer at `row` is under way. */
// @ts-ignore: decorator
@inline @global
export function __mr_process_row(row: usize, hasKey: bool): void {
  time = load<i64>(row, 8);
  ordinal = load<u32>(row, 4);
  entry = hasKey ? __mr_key(row) : 0;
  __mr_time(time);
}

/** Hands over what was collected. */
// @ts-ignore: decorator
@global
export function __mr_process_end(): void {
  flushTimers();
  flushSide();
  if (metricCount != 0) hostMetrics(metrics, metricCount);
}

export function currentOrdinal(): u32 {
  return ordinal;
}

export function currentSource(): i32 {
  return source;
}

function flushTimers(): void {
  if (timerCount != 0) hostTimers(timers, timerCount);
  timerCount = 0;
}

function pushTimer(operation: u32, at: i64): void {
  if (entry == 0) throw new Error('timers belong to a key, and a broadcast record has none');
  if (timers == 0) timers = allocateBlock(<usize>TIMERS << 4);
  if (timerCount == TIMERS) flushTimers();
  const place = timers + (<usize>timerCount << 4);
  store<u32>(place, ordinal);
  store<u32>(place, operation, 4);
  store<i64>(place, at, 8);
  timerCount++;
}

function flushSide(): void {
  if (sideRows != 0) hostSide(sideNumber, sideStart, sideAt - sideStart, sideRows);
  sideAt = sideStart;
  sideRows = 0;
}

/** Timers of the key under way. One of a time is one, however often it is set. */
@final
export class Timers {
  /** Calls `onTimer` when the watermark has reached `at`, ms. */
  eventTime(at: i64): void {
    pushTimer(0, at);
  }
  deleteEventTime(at: i64): void {
    pushTimer(1, at);
  }
  /** Calls `onTimer` when the clock has reached `at`, ms. */
  processingTime(at: i64): void {
    pushTimer(2, at);
  }
  deleteProcessingTime(at: i64): void {
    pushTimer(3, at);
  }
}

/** The record or timer that a process function is called for. */
@final
export class Context<T> {
  timers: Timers = new Timers();

  /** Event time, ms; `i64.MIN_VALUE` when the record has none. Of a timer its time. */
  get timestamp(): i64 {
    return time;
  }
  /** `i64.MIN_VALUE` before the first, `i64.MAX_VALUE` when the input has ended. */
  get watermark(): i64 {
    return load<i64>(context);
  }
  /** The clock, ms since the epoch, a little late: it is looked at some times a second. */
  get now(): i64 {
    return load<i64>(context, 8);
  }
  /** Whether the timer that fires is one of the clock. */
  get isProcessingTime(): bool {
    return source == 3;
  }
  emit(record: T): void {
    __mr_push<T>(record, time, 0);
  }
}

// @ts-ignore: decorator
@global
export function __mr_context<T>(): Context<T> {
  return new Context<T>();
}

/** A second output: `step:name`. */
@final
export class SideOutput<T> {
  constructor(private side: i32) {}

  emit(record: T): void {
    // @ts-ignore: a record
    const bound: usize = record.__mr_bound();
    if (this.side != sideNumber || sideAt + bound + MARGIN > sideEnd) {
      flushSide();
      sideNumber = this.side;
      if (sideStart + bound + MARGIN > sideEnd) {
        const chunk = max(SIDE_CHUNK, bound + MARGIN);
        sideStart = allocateBlock(chunk);
        sideAt = sideStart;
        sideEnd = sideStart + chunk;
      }
    }
    // @ts-ignore: a record
    const bytes: usize = record.__mr_write(sideAt);
    store<u32>(sideAt, 0, 4);
    store<i64>(sideAt, time, 8);
    sideAt += bytes;
    sideRows++;
  }
}

/** A number of the job's metrics that only grows. */
@final
export class Counter {
  constructor(private metric: i32) {}

  add(count: f64 = 1): void {
    const place = metrics + (<usize>this.metric << 3);
    store<f64>(place, load<f64>(place) + count);
  }
}

/** A number of the job's metrics that is what it was last set to. */
@final
export class Gauge {
  constructor(private metric: i32) {}

  set(value: f64): void {
    store<f64>(metrics + (<usize>this.metric << 3), value);
  }
}

/** The state of the key under way, 0 when it has none. */
// @ts-ignore: decorator
@inline @global
export function __mr_peek(): usize {
  if (entry == 0) throw new Error('the states of a key are not to be had: a broadcast record has no key');
  return load<usize>(entry);
}

/** The state of the key under way, which is going to be changed. */
// @ts-ignore: decorator
@inline @global
export function __mr_current<T>(): T {
  let state = __mr_peek();
  if (state == 0) {
    const made = instantiate<T>();
    // @ts-ignore: a state
    made.__mr_clear();
    state = changetype<usize>(made);
    store<usize>(entry, state);
  }
  store<u32>(entry, 1, 4);
  return changetype<T>(state);
}

/** The clock, for the time of a write. */
// @ts-ignore: decorator
@inline @global
export function __mr_now(): i64 {
  return load<i64>(context, 8);
}

// @ts-ignore: decorator
@global
export function __mr_no_value(name: string): void {
  throw new Error('state "' + name + '" has no value');
}
