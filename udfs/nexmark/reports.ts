import { aggregate, Emitter, flatMap, map, record, reduce, Timestamp, Utf8 } from '@millrace/guest-sdk';
import { DAY_MS, dayText, minuteText } from './calendar';
import { Bid } from './events';

// Reports over all bids so far: q15 to q19. Their results leave when the input ends.

const BIDS: i32 = 0;
const BIDDERS: i32 = 1;
const AUCTIONS: i32 = 2;

/** Something to be counted: a bid, or that a bidder or an auction was seen in a range of prices. */
@record
class Fact {
  channel: Utf8;
  day: i64;
  what: i32;
  /** 0: whatever the price. */
  rank: i32;
  id: i64;
  dateTime: Timestamp;
}

function rankOf(price: i64): i32 {
  if (price < 10_000) return 1;
  return price < 1_000_000 ? 2 : 3;
}

function bidFact(bid: Bid, channel: Utf8): Fact {
  const fact = new Fact();
  fact.channel = channel;
  fact.day = bid.dateTime / DAY_MS;
  fact.what = BIDS;
  fact.rank = rankOf(bid.price);
  fact.dateTime = bid.dateTime;
  return fact;
}

/** What is counted once, however often it comes: bidder and auction, in all and in the bid's range of prices. */
function emitSeen(bid: Bid, channel: Utf8, out: Emitter<Fact>): void {
  const fact = bidFact(bid, channel);
  const rank = fact.rank;
  for (let what = BIDDERS; what <= AUCTIONS; what++) {
    fact.what = what;
    fact.id = what == BIDDERS ? bid.bidder : bid.auction;
    fact.rank = 0;
    out.emit(fact);
    fact.rank = rank;
    out.emit(fact);
  }
}

const NO_CHANNEL: Utf8 = Utf8.of('');

/** For q15. */
export const bids = map((bid: Bid): Fact => bidFact(bid, NO_CHANNEL));
export const seen = flatMap((bid: Bid, out: Emitter<Fact>): void => {
  emitSeen(bid, NO_CHANNEL, out);
});

/** For q16. */
export const channelBids = map((bid: Bid): Fact => bidFact(bid, bid.channel));
export const channelSeen = flatMap((bid: Bid, out: Emitter<Fact>): void => {
  emitSeen(bid, bid.channel, out);
});

@record
class Counts {
  channel: Utf8;
  day: i64;
  latest: Timestamp;
  bids: i64;
  bids1: i64;
  bids2: i64;
  bids3: i64;
  bidders: i64;
  bidders1: i64;
  bidders2: i64;
  bidders3: i64;
  auctions: i64;
  auctions1: i64;
  auctions2: i64;
  auctions3: i64;
}

function count(counts: Counts, fact: Fact): Counts {
  counts.channel = fact.channel;
  counts.day = fact.day;
  counts.latest = max(counts.latest, fact.dateTime);
  const rank = fact.rank;
  if (fact.what == BIDS) {
    counts.bids++;
    if (rank == 1) counts.bids1++;
    else if (rank == 2) counts.bids2++;
    else counts.bids3++;
  } else if (fact.what == BIDDERS) {
    if (rank == 0) counts.bidders++;
    else if (rank == 1) counts.bidders1++;
    else if (rank == 2) counts.bidders2++;
    else counts.bidders3++;
  } else {
    if (rank == 0) counts.auctions++;
    else if (rank == 1) counts.auctions1++;
    else if (rank == 2) counts.auctions2++;
    else counts.auctions3++;
  }
  return counts;
}

function together(a: Counts, b: Counts): Counts {
  a.latest = max(a.latest, b.latest);
  a.bids += b.bids;
  a.bids1 += b.bids1;
  a.bids2 += b.bids2;
  a.bids3 += b.bids3;
  a.bidders += b.bidders;
  a.bidders1 += b.bidders1;
  a.bidders2 += b.bidders2;
  a.bidders3 += b.bidders3;
  a.auctions += b.auctions;
  a.auctions1 += b.auctions1;
  a.auctions2 += b.auctions2;
  a.auctions3 += b.auctions3;
  return a;
}

@record
class DayReport {
  day: string;
  total_bids: i64;
  rank1_bids: i64;
  rank2_bids: i64;
  rank3_bids: i64;
  total_bidders: i64;
  rank1_bidders: i64;
  rank2_bidders: i64;
  rank3_bidders: i64;
  total_auctions: i64;
  rank1_auctions: i64;
  rank2_auctions: i64;
  rank3_auctions: i64;
}

/** q15: bids, bidders and auctions of a day, in all and by range of prices. */
@aggregate
export class dayReport {
  create(): Counts {
    return new Counts();
  }

  add(counts: Counts, fact: Fact): Counts {
    return count(counts, fact);
  }

  merge(a: Counts, b: Counts): Counts {
    return together(a, b);
  }

  result(counts: Counts): DayReport {
    const report = new DayReport();
    report.day = dayText(counts.day);
    report.total_bids = counts.bids;
    report.rank1_bids = counts.bids1;
    report.rank2_bids = counts.bids2;
    report.rank3_bids = counts.bids3;
    report.total_bidders = counts.bidders;
    report.rank1_bidders = counts.bidders1;
    report.rank2_bidders = counts.bidders2;
    report.rank3_bidders = counts.bidders3;
    report.total_auctions = counts.auctions;
    report.rank1_auctions = counts.auctions1;
    report.rank2_auctions = counts.auctions2;
    report.rank3_auctions = counts.auctions3;
    return report;
  }
}

@record
class ChannelReport {
  channel: Utf8;
  day: string;
  minute: string;
  total_bids: i64;
  rank1_bids: i64;
  rank2_bids: i64;
  rank3_bids: i64;
  total_bidders: i64;
  rank1_bidders: i64;
  rank2_bidders: i64;
  rank3_bidders: i64;
  total_auctions: i64;
  rank1_auctions: i64;
  rank2_auctions: i64;
  rank3_auctions: i64;
}

/** q16: as q15 for each channel, with the time of its latest bid. */
@aggregate
export class channelReport {
  create(): Counts {
    return new Counts();
  }

  add(counts: Counts, fact: Fact): Counts {
    return count(counts, fact);
  }

  merge(a: Counts, b: Counts): Counts {
    return together(a, b);
  }

  result(counts: Counts): ChannelReport {
    const report = new ChannelReport();
    report.channel = counts.channel;
    report.day = dayText(counts.day);
    report.minute = minuteText(counts.latest);
    report.total_bids = counts.bids;
    report.rank1_bids = counts.bids1;
    report.rank2_bids = counts.bids2;
    report.rank3_bids = counts.bids3;
    report.total_bidders = counts.bidders;
    report.rank1_bidders = counts.bidders1;
    report.rank2_bidders = counts.bidders2;
    report.rank3_bidders = counts.bidders3;
    report.total_auctions = counts.auctions;
    report.rank1_auctions = counts.auctions1;
    report.rank2_auctions = counts.auctions2;
    report.rank3_auctions = counts.auctions3;
    return report;
  }
}

@record
class DayPrice {
  auction: i64;
  day: i64;
  price: i64;
}

/** For q17: a bid's price under its auction and day. */
export const dayPrice = map((bid: Bid): DayPrice => {
  const price = new DayPrice();
  price.auction = bid.auction;
  price.day = bid.dateTime / DAY_MS;
  price.price = bid.price;
  return price;
});

@record
class Prices {
  auction: i64;
  day: i64;
  bids: i64;
  bids1: i64;
  bids2: i64;
  bids3: i64;
  lowest: i64 = i64.MAX_VALUE;
  highest: i64 = i64.MIN_VALUE;
  sum: i64;
}

@record
class AuctionReport {
  auction: i64;
  day: string;
  total_bids: i64;
  rank1_bids: i64;
  rank2_bids: i64;
  rank3_bids: i64;
  min_price: i64;
  max_price: i64;
  avg_price: i64;
  sum_price: i64;
}

/** q17: counts and prices of the bids of an auction on a day. */
@aggregate
export class auctionReport {
  create(): Prices {
    return new Prices();
  }

  add(prices: Prices, bid: DayPrice): Prices {
    prices.auction = bid.auction;
    prices.day = bid.day;
    prices.bids++;
    const rank = rankOf(bid.price);
    if (rank == 1) prices.bids1++;
    else if (rank == 2) prices.bids2++;
    else prices.bids3++;
    prices.lowest = min(prices.lowest, bid.price);
    prices.highest = max(prices.highest, bid.price);
    prices.sum += bid.price;
    return prices;
  }

  merge(a: Prices, b: Prices): Prices {
    a.bids += b.bids;
    a.bids1 += b.bids1;
    a.bids2 += b.bids2;
    a.bids3 += b.bids3;
    a.lowest = min(a.lowest, b.lowest);
    a.highest = max(a.highest, b.highest);
    a.sum += b.sum;
    return a;
  }

  result(prices: Prices): AuctionReport {
    const report = new AuctionReport();
    report.auction = prices.auction;
    report.day = dayText(prices.day);
    report.total_bids = prices.bids;
    report.rank1_bids = prices.bids1;
    report.rank2_bids = prices.bids2;
    report.rank3_bids = prices.bids3;
    report.min_price = prices.lowest;
    report.max_price = prices.highest;
    report.avg_price = prices.sum / prices.bids;
    report.sum_price = prices.sum;
    return report;
  }
}

/** q18: the last bid of a bidder for an auction; of two at the same time the higher one. */
export const lastBid = reduce((a: Bid, b: Bid): Bid => {
  if (a.dateTime == b.dateTime) return b.price > a.price ? b : a;
  return b.dateTime > a.dateTime ? b : a;
});

@record
class RankedBid {
  auction: i64;
  bidder: i64;
  price: i64;
  channel: Utf8;
  url: Utf8;
  dateTime: Timestamp;
  extra: Utf8;
  rank_number: i64;
}

/** For q19: a bid with room for its rank. */
export const ranked = map((bid: Bid): RankedBid => {
  const result = new RankedBid();
  result.auction = bid.auction;
  result.bidder = bid.bidder;
  result.price = bid.price;
  result.channel = bid.channel;
  result.url = bid.url;
  result.dateTime = bid.dateTime;
  result.extra = bid.extra;
  return result;
});
