import { filter, map, record, Utf8 } from '@millrace/guest-sdk';

@record
class Trade {
  id: i64 = 0;
  symbol: Utf8;
  price: f64 = 0;
  size: i32 = 0;
  venue: Utf8;
  note: Utf8;
}

export const large = filter((trade: Trade): bool => trade.size >= 100);

export const valued = map((trade: Trade): Trade => {
  trade.price = trade.price * trade.size;
  return trade;
});
