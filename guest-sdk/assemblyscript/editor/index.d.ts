/** What a user's file sees in an editor. */

/// <reference path="./assemblyscript.d.ts" />

type Class = abstract new (...parameters: never[]) => object;

/** A class whose fields are the record's. Fields without a default start as 0, false, empty or null. */
export declare function record(target: Class, context?: unknown): void;

/** One record to one record. */
export declare function map<In extends object, Out extends object>(
  each: (record: In) => Out,
): (record: In) => Out;

/** Keeps the records for which it is true. The record is not to be changed. */
export declare function filter<In extends object>(keep: (record: In) => bool): (record: In) => bool;

/** One record to any number of records. */
export declare function flatMap<In extends object, Out extends object>(
  each: (record: In, out: Emitter<Out>) => void,
): (record: In, out: Emitter<Out>) => void;

/** Folds the records of a key into one: `a` is the key's state, `b` the next record. */
export declare function reduce<T extends object>(fold: (a: T, b: T) => T): (a: T, b: T) => T;

/** What an `@aggregate` class has; its parameters are records. */
interface Aggregate {
  create(): object;
  add(accumulator: never, value: never): object;
  result(accumulator: never): object;
  merge(a: never, b: never): object;
}

/** A class that folds the records of a key into an accumulator and makes results of it. */
export declare function aggregate(target: new () => Aggregate, context?: unknown): void;

/** All records of a key and a window to any number of results. */
export declare function apply<In extends object, Out extends object>(
  each: (rows: Rows<In>, window: Window, out: Emitter<Out>) => void,
): (rows: Rows<In>, window: Window, out: Emitter<Out>) => void;

/** Event time of a source's records, milliseconds since the epoch; `i64.MIN_VALUE` for none. */
export declare function assignTimestamp<In extends object>(
  time: (record: In) => i64,
): (record: In) => i64;

/** A left and a right record that belong together to a result; `| null` stands for none, in outer joins. */
export declare function join<L, R, Out extends object>(
  each: (left: L, right: R) => Out,
): (left: L, right: R) => Out;
/** To any number of results. */
export declare function join<L, R, Out extends object>(
  each: (left: L, right: R, out: Emitter<Out>) => void,
): (left: L, right: R, out: Emitter<Out>) => void;

/** The records of a key and a window, in the order in which they came. */
export declare class Rows<T extends object> {
  private constructor();
  /** How many there are. */
  readonly length: i32;
  /** Shows the current record after `next()`; the same object each time. */
  readonly value: T;
  next(): bool;
  /** Back before the first record. */
  rewind(): void;
  /** All records, an object each. */
  toArray(): Array<T>;
}

/** `start` is the first millisecond of the window, `end` the first after it; without bounds `i64.MIN_VALUE`, `i64.MAX_VALUE`. */
export declare class Window {
  private constructor();
  readonly start: i64;
  readonly end: i64;
}

/** What a `@process` class has. `onTimer(time: i64, key: In, context: Context<Out>): void` is there when timers are set. */
interface Process {
  process(record: never, context: never): void;
}
interface CoProcess {
  processLeft(record: never, context: never): void;
  processRight(record: never, context: never): void;
}
interface BroadcastProcess {
  process(record: never, context: never): void;
  processBroadcast(record: never, context: never): void;
}

/** A class that is called for the records and timers of a key, with states that it declares in its fields. */
export declare function process(target: new () => Process, context?: unknown): void;
/** As `process`, with two keyed inputs. */
export declare function coProcess(target: new () => CoProcess, context?: unknown): void;
/** As `process`, with a second input whose records reach every task and write broadcast state. */
export declare function broadcastProcess(
  target: new () => BroadcastProcess,
  context?: unknown,
): void;

/** The record or timer that a process function is called for. */
export declare class Context<Out extends object> {
  private constructor();
  readonly timers: Timers;
  /** Event time, ms; `i64.MIN_VALUE` when the record has none. Of a timer its time. */
  readonly timestamp: i64;
  /** `i64.MIN_VALUE` before the first, `i64.MAX_VALUE` when the input has ended. */
  readonly watermark: i64;
  /** The clock, ms since the epoch, at most some tens of milliseconds late. */
  readonly now: i64;
  /** Whether the timer that fires is one of the clock. */
  readonly isProcessingTime: bool;
  /** Writes the record out as it is now; it may be changed and emitted again. */
  emit(record: Out): void;
}

/** Timers of the key under way; one of a time is one, however often it is set. Times are absolute, in ms. */
export declare class Timers {
  private constructor();
  /** Calls `onTimer` when the watermark has reached `at`; what is already reached, with the next watermark. */
  eventTime(at: i64): void;
  deleteEventTime(at: i64): void;
  /** Calls `onTimer` when the clock has reached `at`. */
  processingTime(at: i64): void;
  deleteProcessingTime(at: i64): void;
}

/** A time to live, from the last write: `ttl("90s")`. */
export declare function ttl(duration: string): TimeToLive;
interface TimeToLive {
  readonly isTimeToLive: true;
}

/** One value a key. Reading a record or a list counts as a write, since it can be changed through what was read. */
export declare class ValueState<T> {
  constructor(name: string, ttl?: TimeToLive);
  readonly isNull: bool;
  /** Traps when there is none. */
  value: T;
  or(fallback: T): T;
  clear(): void;
}

/** A list a key. */
export declare class ListState<T> {
  constructor(name: string, ttl?: TimeToLive);
  readonly length: i32;
  values: Array<T>;
  add(value: T): void;
  clear(): void;
}

/** One value a key, to which others are added. */
export declare class ReducingState<T> {
  constructor(name: string, add: (a: T, b: T) => T, ttl?: TimeToLive);
  readonly isNull: bool;
  /** Traps when there is none. */
  value: T;
  or(fallback: T): T;
  add(value: T): void;
  clear(): void;
}

/** Entries by key, each looked up and written by itself. What `get` gave is a copy: `set` it to keep a change. */
export declare class MapState<K, V> {
  constructor(name: string, ttl?: TimeToLive);
  has(key: K): bool;
  /** Traps when there is no such entry. */
  get(key: K): V;
  or(key: K, fallback: V): V;
  set(key: K, value: V): void;
  delete(key: K): void;
  /** Walks all entries, as `keys`, `values` and `clear` do. */
  readonly size: i32;
  /** In the order in which the entries were made. */
  keys(): Array<K>;
  values(): Array<V>;
  clear(): void;
}

/** A map that is the same in every task: `processBroadcast` writes it, `process` reads it. */
export declare class BroadcastState<K, V> extends MapState<K, V> {
  constructor(name: string);
}

/** A second output, read as `step:name`. */
export declare class SideOutput<Out extends object> {
  constructor(name: string);
  emit(record: Out): void;
}

/** A number of the job's metrics that only grows. */
export declare class Counter {
  constructor(name: string);
  add(count?: f64): void;
}

/** A number of the job's metrics that is what it was last set to. */
export declare class Gauge {
  constructor(name: string);
  set(value: f64): void;
}

/** What a function hands its results to, when there may be any number of them. */
export declare class Emitter<T extends object> {
  /** Writes the record out as it is now; it may be changed and emitted again. */
  emit(record: T): void;
}

/** Milliseconds since the epoch. */
export type Timestamp = i64;

/** Event time of a record, milliseconds since the epoch; `i64.MIN_VALUE` when it has none. */
export declare function eventTime(record: object): i64;
export declare function hasEventTime(record: object): bool;

/** The job's log. */
export declare namespace log {
  function debug(text: string): void;
  function info(text: string): void;
  function warn(text: string): void;
  function error(text: string): void;
}

/**
 * A number, bool or timestamp that may be null. `record.age` is a handle on the field itself:
 * `record.age.value = 3` and `record.age.clear()` change the record.
 */
export declare class Optional<T> {
  private constructor();
  readonly isNull: bool;
  /** Traps when it is null. */
  value: T;
  or(fallback: T): T;
  clear(): void;
  assign(other: Optional<T>): void;
}

/** A value on its own, for assigning: `record.age = some<i32>(3)`. */
export declare function some<T>(value: T): Optional<T>;
/** Null, for assigning: `record.age = none<i32>()`. */
export declare function none<T>(): Optional<T>;

/** A string left as UTF-8 where it is. Immutable; nothing is decoded but by `toString`. */
export declare class Utf8 {
  private constructor();
  /** The UTF-8 form of `text`. */
  static of(text: string): Utf8;
  /** Address of the first byte. */
  readonly start: usize;
  /** Bytes. */
  readonly length: i32;
  byteAt(index: i32): u8;
  equals(other: Utf8): bool;
  /** Whether it reads the same as `text`. */
  is(text: string): bool;
  startsWith(text: string): bool;
  endsWith(text: string): bool;
  contains(text: string): bool;
  /** Byte offset of the first occurrence at or after `from`, or -1. */
  indexOf(text: string, from?: i32): i32;
  /** Bytes `begin` to `end`; negative numbers count from the end. */
  slice(begin: i32, end?: i32): Utf8;
  /** Without ASCII white space at both ends. */
  trim(): Utf8;
  /** The runs between ASCII white space: `text.split(/\s+/)` without empty pieces, for ASCII spaces. */
  words(): Utf8Words;
  /** The pieces between `separator`, one ASCII character, as `text.split(separator)`. */
  split(separator: string): Utf8Pieces;
  /** Order by code points: negative, 0 or positive. */
  compare(other: Utf8): i32;
  /** The decimal number it spells; `fallback` when it spells none. */
  toI64(fallback?: i64): i64;
  toString(): string;
}

/** `while (words.next()) use(words.value)`. */
export declare class Utf8Words {
  private constructor();
  readonly value: Utf8;
  next(): bool;
}

/** `while (pieces.next()) use(pieces.value)`. */
export declare class Utf8Pieces {
  private constructor();
  readonly value: Utf8;
  next(): bool;
}

/** Bytes left where they are. Immutable. */
export declare class Bytes {
  private constructor();
  /** A copy of the array's bytes. */
  static of(array: Uint8Array): Bytes;
  readonly start: usize;
  readonly length: i32;
  readonly [index: number]: u8;
  equals(other: Bytes): bool;
  slice(begin: i32, end?: i32): Bytes;
  toArray(): Uint8Array;
}
