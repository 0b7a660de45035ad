import { aggregate, record, Timestamp, Utf8 } from '@millrace/guest-sdk';

@record
class LogEvent {
  service: Utf8;
  level: Utf8;
  message: Utf8;
  latencyMs: i64;
  at: Timestamp;
}

@record
class Totals {
  service: Utf8;
  latencyMs: i64;
  errors: i64;
  slow: i64;
  events: i64;
}

/** Of one service in one window. */
@record
class ServiceStatistics {
  service: Utf8;
  /** Percent of its events. */
  errorRate: f64;
  averageLatencyMs: f64;
  errors: i64;
  /** Events that took more than a second. */
  slow: i64;
  events: i64;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

@aggregate
export class services {
  create(): Totals {
    return new Totals();
  }

  add(totals: Totals, event: LogEvent): Totals {
    totals.service = event.service;
    totals.latencyMs += event.latencyMs;
    if (event.level.is('ERROR')) totals.errors++;
    if (event.latencyMs > 1000) totals.slow++;
    totals.events++;
    return totals;
  }

  merge(a: Totals, b: Totals): Totals {
    a.latencyMs += b.latencyMs;
    a.errors += b.errors;
    a.slow += b.slow;
    a.events += b.events;
    return a;
  }

  result(totals: Totals): ServiceStatistics {
    const result = new ServiceStatistics();
    result.service = totals.service;
    result.errorRate = rounded((<f64>totals.errors / <f64>totals.events) * 100);
    result.averageLatencyMs = rounded(<f64>totals.latencyMs / <f64>totals.events);
    result.errors = totals.errors;
    result.slow = totals.slow;
    result.events = totals.events;
    return result;
  }
}

function rounded(value: f64): f64 {
  return Math.floor(value * 100 + 0.5) / 100;
}
