import { aggregate, record, Timestamp, Utf8 } from '@millrace/guest-sdk';

@record
class Trade {
  symbol: Utf8;
  price: f64;
  volume: i64;
  at: Timestamp;
}

@record
class Totals {
  symbol: Utf8;
  /** Price times volume. */
  turnover: f64;
  volume: i64;
  highest: f64 = -f64.MAX_VALUE;
  lowest: f64 = f64.MAX_VALUE;
}

/** Of one symbol in one window. */
@record
class SymbolStatistics {
  symbol: Utf8;
  /** Weighted by volume. */
  averagePrice: f64;
  volume: i64;
  highest: f64;
  lowest: f64;
  range: f64;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

@aggregate
export class symbols {
  create(): Totals {
    return new Totals();
  }

  add(totals: Totals, trade: Trade): Totals {
    totals.symbol = trade.symbol;
    totals.turnover += trade.price * <f64>trade.volume;
    totals.volume += trade.volume;
    totals.highest = Math.max(totals.highest, trade.price);
    totals.lowest = Math.min(totals.lowest, trade.price);
    return totals;
  }

  merge(a: Totals, b: Totals): Totals {
    a.turnover += b.turnover;
    a.volume += b.volume;
    a.highest = Math.max(a.highest, b.highest);
    a.lowest = Math.min(a.lowest, b.lowest);
    return a;
  }

  result(totals: Totals): SymbolStatistics {
    const result = new SymbolStatistics();
    result.symbol = totals.symbol;
    result.averagePrice = rounded(totals.turnover / <f64>totals.volume);
    result.volume = totals.volume;
    result.highest = rounded(totals.highest);
    result.lowest = rounded(totals.lowest);
    result.range = rounded(totals.highest - totals.lowest);
    return result;
  }
}

function rounded(value: f64): f64 {
  return Math.floor(value * 100 + 0.5) / 100;
}
