import { filter, map, record } from '@millrace/guest-sdk';

@record class Bid {
  auction: i64 = 0;
  bidder: i64 = 0;
  price: i64 = 0;
  channel: string = "";
  extra: string = "";
}

@map export function identity(bid: Bid): Bid {
  return bid;
}

@filter export function everyHundredth(bid: Bid): bool {
  return bid.auction % 123 == 0;
}

@map export function convert(bid: Bid): Bid {
  bid.price = bid.price * 908 / 1000;
  return bid;
}
