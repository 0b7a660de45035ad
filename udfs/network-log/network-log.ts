import { aggregate, record, Timestamp, Utf8 } from '@millrace/guest-sdk';

@record
class Request {
  ip: Utf8;
  method: Utf8;
  path: Utf8;
  status: i32;
  bytes: i64;
  at: Timestamp;
}

@record
class Totals {
  path: Utf8;
  requests: i64;
  errors: i64;
  bytes: i64;
}

/** Of one path in one window. */
@record
class PathStatistics {
  path: Utf8;
  requests: i64;
  errors: i64;
  bytes: i64;
  averageBytes: f64;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

@aggregate
export class paths {
  create(): Totals {
    return new Totals();
  }

  add(totals: Totals, request: Request): Totals {
    totals.path = request.path;
    totals.requests++;
    if (request.status >= 400) totals.errors++;
    totals.bytes += request.bytes;
    return totals;
  }

  merge(a: Totals, b: Totals): Totals {
    a.requests += b.requests;
    a.errors += b.errors;
    a.bytes += b.bytes;
    return a;
  }

  result(totals: Totals): PathStatistics {
    const result = new PathStatistics();
    result.path = totals.path;
    result.requests = totals.requests;
    result.errors = totals.errors;
    result.bytes = totals.bytes;
    result.averageBytes = rounded(<f64>totals.bytes / <f64>totals.requests);
    return result;
  }
}

function rounded(value: f64): f64 {
  return Math.floor(value * 100 + 0.5) / 100;
}
