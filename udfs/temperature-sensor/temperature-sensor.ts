import { aggregate, record, Timestamp, Utf8 } from '@millrace/guest-sdk';

@record
class Reading {
  sensor: Utf8;
  temperature: f64;
  humidity: f64;
  at: Timestamp;
}

@record
class Totals {
  sensor: Utf8;
  temperature: f64;
  humidity: f64;
  lowest: f64 = f64.MAX_VALUE;
  highest: f64 = -f64.MAX_VALUE;
  readings: i32;
}

/** Of one sensor in one window. */
@record
class Statistics {
  sensor: Utf8;
  average: f64;
  lowest: f64;
  highest: f64;
  humidity: f64;
  readings: i32;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

@aggregate
export class statistics {
  create(): Totals {
    return new Totals();
  }

  add(totals: Totals, reading: Reading): Totals {
    totals.sensor = reading.sensor;
    totals.temperature += reading.temperature;
    totals.humidity += reading.humidity;
    totals.lowest = Math.min(totals.lowest, reading.temperature);
    totals.highest = Math.max(totals.highest, reading.temperature);
    totals.readings++;
    return totals;
  }

  merge(a: Totals, b: Totals): Totals {
    a.temperature += b.temperature;
    a.humidity += b.humidity;
    a.lowest = Math.min(a.lowest, b.lowest);
    a.highest = Math.max(a.highest, b.highest);
    a.readings += b.readings;
    return a;
  }

  result(totals: Totals): Statistics {
    const result = new Statistics();
    result.sensor = totals.sensor;
    result.average = rounded(totals.temperature / totals.readings);
    result.lowest = rounded(totals.lowest);
    result.highest = rounded(totals.highest);
    result.humidity = rounded(totals.humidity / totals.readings);
    result.readings = totals.readings;
    return result;
  }
}

function rounded(value: f64): f64 {
  return Math.floor(value * 100 + 0.5) / 100;
}
