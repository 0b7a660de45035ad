import { apply, assignTimestamp, Emitter, record, Rows, Utf8, Window } from '@millrace/guest-sdk';

@record
class Reading {
  sensor: Utf8;
  value: i64;
}

@record
class Summary {
  sensor: Utf8;
  first: i64;
  highest: i64;
  length: i32;
  start: i64;
  end: i64;
}

/** One result per window, made by walking the rows twice, and one per row that stands alone. */
export const summary = apply((rows: Rows<Reading>, window: Window, out: Emitter<Summary>): void => {
  const all = rows.toArray();
  const result = new Summary();
  result.sensor = all[0].sensor;
  result.first = all[0].value;
  result.length = rows.length;
  result.start = window.start;
  result.end = window.end;
  rows.next();
  rows.rewind();
  let seen = 0;
  result.highest = i64.MIN_VALUE;
  while (rows.next()) {
    seen++;
    if (rows.value.value > result.highest) result.highest = rows.value.value;
  }
  assert(seen == rows.length);
  out.emit(result);
  if (rows.length == 1) out.emit(result);
});

// @ts-ignore: decorator
@apply
export function nothing(rows: Rows<Reading>, window: Window, out: Emitter<Summary>): void {}

export const at = assignTimestamp((reading: Reading): i64 => reading.value * 1000);

// @ts-ignore: decorator
@assignTimestamp
export function never(reading: Reading): i64 {
  return i64.MIN_VALUE;
}
