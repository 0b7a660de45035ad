import { aggregate, record, Timestamp, Utf8 } from '@millrace/guest-sdk';

@record
class Telemetry {
  device: Utf8;
  type: Utf8;
  value: f64;
  battery: i32;
  signal: i32;
  at: Timestamp;
}

@record
class Totals {
  device: Utf8;
  type: Utf8;
  messages: i32;
  value: f64;
  signal: i64;
  lowestBattery: i32 = i32.MAX_VALUE;
  alerts: i32;
}

/** Of one device in one window. */
@record
class DeviceStatistics {
  device: Utf8;
  type: Utf8;
  average: f64;
  lowestBattery: i32;
  averageSignal: f64;
  /** Messages with a battery below 20 % or a signal below -90 dBm. */
  alerts: i32;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

@aggregate
export class devices {
  create(): Totals {
    return new Totals();
  }

  add(totals: Totals, message: Telemetry): Totals {
    totals.device = message.device;
    totals.type = message.type;
    totals.messages++;
    totals.value += message.value;
    totals.signal += message.signal;
    totals.lowestBattery = min(totals.lowestBattery, message.battery);
    if (message.battery < 20 || message.signal < -90) totals.alerts++;
    return totals;
  }

  merge(a: Totals, b: Totals): Totals {
    a.messages += b.messages;
    a.value += b.value;
    a.signal += b.signal;
    a.lowestBattery = min(a.lowestBattery, b.lowestBattery);
    a.alerts += b.alerts;
    return a;
  }

  result(totals: Totals): DeviceStatistics {
    const result = new DeviceStatistics();
    result.device = totals.device;
    result.type = totals.type;
    result.average = rounded(totals.value / totals.messages);
    result.lowestBattery = totals.lowestBattery;
    result.averageSignal = rounded(<f64>totals.signal / totals.messages);
    result.alerts = totals.alerts;
    return result;
  }
}

function rounded(value: f64): f64 {
  return Math.floor(value * 100 + 0.5) / 100;
}
