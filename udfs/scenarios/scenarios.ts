import { filter, map, Optional, record, reduce, Timestamp, Utf8 } from '@millrace/guest-sdk';

@record
class Reading {
  sensor: Utf8;
  at: Timestamp;
  reading: i64;
  /** What the sensor knows: nothing older than this is to come. */
  watermark: Optional<Timestamp>;
}

@record
class Sum {
  sensor: Utf8;
  sum: i64;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

export const measured = map((reading: Reading): Sum => {
  const sum = new Sum();
  sum.sensor = reading.sensor;
  sum.sum = reading.reading;
  return sum;
});

export const total = reduce((a: Sum, b: Sum): Sum => {
  a.sum += b.sum;
  return a;
});

@record
class Count {
  n: i64;
}

@record
class Group {
  digit: i64;
  sum: i64;
}

export const even = filter((count: Count): bool => count.n % 2 == 0);

/** The square of a number, grouped by its last digit. */
export const square = map((count: Count): Group => {
  const group = new Group();
  group.sum = count.n * count.n;
  group.digit = group.sum % 10;
  return group;
});

export const together = reduce((a: Group, b: Group): Group => {
  a.sum += b.sum;
  return a;
});
