/** What a function can ask about the record it works on, and its log. */
import { encodeText } from './text';

// @ts-ignore: decorator
@external('millrace', 'log')
declare function hostLog(level: i32, pointer: usize, bytes: usize): void;

/** Event time of a record, ms since the epoch; `i64.MIN_VALUE` when it has none. */
export function eventTime<T>(record: T): i64 {
  // @ts-ignore: a record
  return load<i64>(record.__mr_row, 8);
}

export function hasEventTime<T>(record: T): bool {
  return eventTime<T>(record) != i64.MIN_VALUE;
}

function write(level: i32, text: string): void {
  const start = __new(<usize>text.length * 3, idof<ArrayBuffer>());
  hostLog(level, start, encodeText(text, start));
}

/** The job's log. */
export namespace log {
  export function debug(text: string): void {
    write(0, text);
  }
  export function info(text: string): void {
    write(1, text);
  }
  export function warn(text: string): void {
    write(2, text);
  }
  export function error(text: string): void {
    write(3, text);
  }
}
