/**
 * Rows on their way to the host: written into a chunk that is handed over when it is full and when
 * the call ends.
 *
 * O1  `at + 16 <= end` of the chunk holds before every row, with the row's bound added.
 * O2  A run handed over with `last` = 1 is not touched again: nothing is written after it.
 */
import { allocateBeyondRecord, allocateBlock, beginCall } from './arena';

// @ts-ignore: decorator
@external('millrace', 'emit')
declare function hostEmit(pointer: usize, bytes: usize, rows: i32, last: i32): void;
// @ts-ignore: decorator
@external('millrace', 'state')
declare function hostState(pointer: usize, bytes: usize, rows: i32): void;

// @ts-ignore: decorator
@inline
const CHUNK_MIN: usize = 64 << 10;
// @ts-ignore: decorator
@inline
const CHUNK_MAX: usize = 1 << 20;
// @ts-ignore: decorator
@inline
const MARGIN: usize = 16;

let start: usize = 0;
let at: usize = 0;
let end: usize = 0;
let rows: i32 = 0;
/** 1: rows go to `emit`; 2: to `state`; 3: to both. */
let target: i32 = 1;
/** Event time of the record under way; rows that a flatMap emits have it. */
let time: i64 = 0;
/** Tag of the rows that an `Emitter` writes: the window under way. */
let tag: u32 = 0;

// @ts-ignore: decorator
@global
export function __mr_begin(bytes: i32): void {
  beginCall();
  const chunk = min(max((<usize>bytes << 1) + MARGIN, CHUNK_MIN), CHUNK_MAX);
  start = allocateBlock(chunk);
  at = start;
  end = start + chunk;
  rows = 0;
  target = 1;
  tag = 0;
}

/** Makes room for a row of at most `bound` bytes. */
function makeRoom(bound: usize): void {
  __mr_flush(0);
  if (start + bound + MARGIN <= end) return;
  const chunk = bound + MARGIN;
  start = allocateBeyondRecord(chunk);
  at = start;
  end = start + chunk;
}

/** Writes a row with this event time and tag. */
// @ts-ignore: decorator
@inline @global
export function __mr_push<T>(record: T, eventTime: i64, tag: u32): void {
  // @ts-ignore: a record
  const bound: usize = record.__mr_bound();
  if (at + bound + MARGIN > end) makeRoom(bound);
  // @ts-ignore: a record
  const bytes: usize = record.__mr_write(at);
  store<u32>(at, tag, 4);
  store<i64>(at, eventTime, 8);
  at += bytes;
  rows++;
}

/** Copies whole rows as they are. */
// @ts-ignore: decorator
@global
export function __mr_push_rows(source: usize, bytes: usize, count: i32): void {
  if (count == 0) return;
  if (at + bytes + MARGIN > end) {
    __mr_flush(0);
    if (start + bytes + MARGIN > end) {
      hostEmit(source, bytes, count, 0);
      return;
    }
  }
  memory.copy(at, source, bytes);
  at += bytes;
  rows += count;
}

/** Moves whole rows down within the input area. */
// @ts-ignore: decorator
@inline @global
export function __mr_move_rows(to: usize, from: usize, bytes: usize): void {
  if (bytes <= 256) {
    for (let i: usize = 0; i < bytes; i += 8) store<u64>(to + i, load<u64>(from + i));
  } else {
    memory.copy(to, from, bytes);
  }
}

/** Hands over what was written. */
// @ts-ignore: decorator
@global
export function __mr_flush(last: i32): void {
  if (rows != 0) {
    const bytes = at - start;
    if ((target & 2) != 0) hostState(start, bytes, rows);
    if ((target & 1) != 0) hostEmit(start, bytes, rows, last);
  }
  at = start;
  rows = 0;
}

/** Hands over rows that lie in the input area, as the only ones of the call. */
// @ts-ignore: decorator
@global
export function __mr_emit_input(pointer: usize, bytes: usize, count: i32): void {
  if (count != 0) hostEmit(pointer, bytes, count, 1);
}

/** Where rows go from now on; `fresh` when rows handed over as the last must stay untouched. */
// @ts-ignore: decorator
@global
export function __mr_target(to: i32, fresh: bool): void {
  target = to;
  if (!fresh) return;
  const chunk = end - start;
  start = allocateBlock(chunk);
  at = start;
  end = start + chunk;
}

// @ts-ignore: decorator
@inline @global
export function __mr_time(eventTime: i64): void {
  time = eventTime;
}

// @ts-ignore: decorator
@inline @global
export function __mr_tag(ordinal: u32): void {
  tag = ordinal;
}

/** What a function hands its results to, when there may be any number of them. */
@final
export class Emitter<T> {
  /** Writes the record out as it is now; it may be changed and emitted again. */
  emit(record: T): void {
    __mr_push<T>(record, time, tag);
  }
}

// @ts-ignore: decorator
@global
export function __mr_emitter<T>(): Emitter<T> {
  return new Emitter<T>();
}
