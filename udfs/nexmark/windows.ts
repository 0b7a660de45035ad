import {
  aggregate,
  apply,
  Emitter,
  join,
  record,
  Rows,
  Timestamp,
  Utf8,
  Window,
} from '@millrace/guest-sdk';
import { Bid } from './events';

// Queries over windows: q5, q7, q11, q12.

/** Bids for an auction, or of a bidder. */
@record
class Total {
  id: i64;
  bids: i64;
}

@record
class AuctionCount {
  auction: i64;
  num: i64;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

/** q5: how many bids an auction has. */
@aggregate
export class bidsForAuction {
  create(): Total {
    return new Total();
  }

  add(total: Total, bid: Bid): Total {
    total.id = bid.auction;
    total.bids++;
    return total;
  }

  merge(a: Total, b: Total): Total {
    a.bids += b.bids;
    return a;
  }

  result(total: Total): AuctionCount {
    const count = new AuctionCount();
    count.auction = total.id;
    count.num = total.bids;
    return count;
  }
}

@record
class HotAuction {
  auction: i64;
  num: i64;
}

@record
class HotAuctionOfWindow {
  auction: i64;
  num: i64;
  starttime: Timestamp;
}

function most(counts: Rows<AuctionCount>): i64 {
  let most: i64 = 0;
  while (counts.next()) {
    if (counts.value.num > most) most = counts.value.num;
  }
  counts.rewind();
  return most;
}

/** q5 of Flink: the auctions with the most bids of a window. */
export const hottest = apply((counts: Rows<AuctionCount>, window: Window, out: Emitter<HotAuction>): void => {
  const num = most(counts);
  const hot = new HotAuction();
  while (counts.next()) {
    if (counts.value.num != num) continue;
    hot.auction = counts.value.auction;
    hot.num = num;
    out.emit(hot);
  }
});

/** q5 of Beam: with the start of the window. */
export const hottestOfWindow = apply((counts: Rows<AuctionCount>, window: Window, out: Emitter<HotAuctionOfWindow>): void => {
  const num = most(counts);
  const hot = new HotAuctionOfWindow();
  while (counts.next()) {
    if (counts.value.num != num) continue;
    hot.auction = counts.value.auction;
    hot.num = num;
    hot.starttime = counts.value.windowStart;
    out.emit(hot);
  }
});

@record
class HighestPrice {
  price: i64;
  windowEnd: Timestamp;
}

@record
class Price {
  price: i64;
}

/** q7: the highest price of an auction in a window. */
@aggregate
export class highestOfAuction {
  create(): Price {
    return new Price();
  }

  add(highest: Price, bid: Bid): Price {
    if (bid.price > highest.price) highest.price = bid.price;
    return highest;
  }

  merge(a: Price, b: Price): Price {
    return a.price >= b.price ? a : b;
  }

  result(highest: Price): HighestPrice {
    const result = new HighestPrice();
    result.price = highest.price;
    return result;
  }
}

/** q7: of all auctions. */
@aggregate
export class highestOfWindow {
  create(): Price {
    return new Price();
  }

  add(highest: Price, one: HighestPrice): Price {
    if (one.price > highest.price) highest.price = one.price;
    return highest;
  }

  merge(a: Price, b: Price): Price {
    return a.price >= b.price ? a : b;
  }

  result(highest: Price): HighestPrice {
    const result = new HighestPrice();
    result.price = highest.price;
    return result;
  }
}

@record
class TopBid {
  auction: i64;
  price: i64;
  bidder: i64;
  dateTime: Timestamp;
  extra: Utf8;
}

@record
class TopBidOfBeam {
  auction: i64;
  bidder: i64;
  price: i64;
  dateTime: Timestamp;
  extra: Utf8;
}

export const topBid = join((bid: Bid, highest: HighestPrice): TopBid => {
  const top = new TopBid();
  top.auction = bid.auction;
  top.price = bid.price;
  top.bidder = bid.bidder;
  top.dateTime = bid.dateTime;
  top.extra = bid.extra;
  return top;
});

export const topBidOfBeam = join((bid: Bid, highest: HighestPrice): TopBidOfBeam => {
  const top = new TopBidOfBeam();
  top.auction = bid.auction;
  top.bidder = bid.bidder;
  top.price = bid.price;
  top.dateTime = bid.dateTime;
  top.extra = bid.extra;
  return top;
});

@record
class Session {
  bidder: i64;
  bids: i64;
  first: i64 = i64.MAX_VALUE;
  last: i64 = i64.MIN_VALUE;
}

@record
class BidderSession {
  bidder: i64;
  bid_count: i64;
  starttime: Timestamp;
  endtime: Timestamp;
}

const GAP_MS: i64 = 10_000;

function extended(session: Session, bid: Bid): Session {
  session.bidder = bid.bidder;
  session.bids++;
  session.first = min(session.first, bid.dateTime);
  session.last = max(session.last, bid.dateTime);
  return session;
}

function joined(a: Session, b: Session): Session {
  a.bids += b.bids;
  a.first = min(a.first, b.first);
  a.last = max(a.last, b.last);
  return a;
}

/** q11 of Flink: the bids of a bidder's session, and when it was. */
@aggregate
export class bidderSession {
  create(): Session {
    return new Session();
  }

  add(session: Session, bid: Bid): Session {
    return extended(session, bid);
  }

  merge(a: Session, b: Session): Session {
    return joined(a, b);
  }

  result(session: Session): BidderSession {
    const result = new BidderSession();
    result.bidder = session.bidder;
    result.bid_count = session.bids;
    result.starttime = session.first;
    result.endtime = session.last + GAP_MS;
    return result;
  }
}

@record
class BidderCount {
  bidder: i64;
  count: i64;
}

/** q11 of Beam, and q12: how many bids a bidder has. */
@aggregate
export class bidsOfBidder {
  create(): Total {
    return new Total();
  }

  add(total: Total, bid: Bid): Total {
    total.id = bid.bidder;
    total.bids++;
    return total;
  }

  merge(a: Total, b: Total): Total {
    a.bids += b.bids;
    return a;
  }

  result(total: Total): BidderCount {
    const count = new BidderCount();
    count.bidder = total.id;
    count.count = total.bids;
    return count;
  }
}
