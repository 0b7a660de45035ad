import {
  aggregate,
  apply,
  assignTimestamp,
  Emitter,
  record,
  reduce,
  Rows,
  Timestamp,
  Utf8,
  Window,
} from '@millrace/guest-sdk';

@record
class Reading {
  key: Utf8;
  value: i64;
  at: Timestamp;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

@record
class Total {
  key: Utf8;
  total: i64;
  rows: i64;
}

@record
class Result {
  windowStart: Timestamp;
  key: Utf8;
  result: i64;
  windowEnd: Timestamp;
}

export const sum = reduce((a: Reading, b: Reading): Reading => {
  a.value += b.value;
  return a;
});

/** The total, and a hundred thousand for each record. */
@aggregate
export class weighed {
  create(): Total {
    return new Total();
  }
  add(total: Total, reading: Reading): Total {
    total.key = reading.key;
    total.total += reading.value;
    total.rows++;
    return total;
  }
  merge(a: Total, b: Total): Total {
    a.total += b.total;
    a.rows += b.rows;
    return a;
  }
  result(total: Total): Result {
    const result = new Result();
    result.key = total.key;
    result.result = total.total + 100_000 * total.rows;
    return result;
  }
}

/** As `weighed`, and zero where the window is not what the result will say. */
export const whole = apply((rows: Rows<Reading>, window: Window, out: Emitter<Result>): void => {
  const result = new Result();
  while (rows.next()) {
    result.key = rows.value.key;
    result.result += rows.value.value + 100_000;
  }
  out.emit(result);
});

/** A trap on a negative time, none for zero. */
export const time = assignTimestamp((reading: Reading): i64 => {
  assert(reading.at >= 0);
  return reading.at == 0 ? i64.MIN_VALUE : reading.at;
});
