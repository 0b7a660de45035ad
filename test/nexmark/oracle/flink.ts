/**
 * The queries as the nexmark/nexmark suite defines them in Flink SQL, over arrays: the content of the result once all events are
 * in and what later events replaced is gone. q12 counts by processing time, so it has no result that follows from the events.
 *
 * - q1, q14: dollars become euros by 0.908, a decimal number with three digits behind the point.
 * - q4: the highest bid between the auction's begin and expiry, both included, whatever the reserve; means are cut to whole cents.
 * - q5: windows of 10 s every 2 s. q7: a bid at the very end of a window belongs to it as well, if it has its highest price.
 * - q6: "10 preceding" and the row itself are eleven. q8: one result per person and window. q11: sessions that are exactly the gap
 *   apart are one.
 * - q18: of bids at the same time the one that came last; q6, q9, q19: of equal bids the one that came first.
 */
import { best, groupBy, maximum, sessions, sum, windowBy } from './group.ts';
import {
  type Auction,
  type Bid,
  dayOf,
  decimal,
  type Events,
  minuteOf,
  type Query,
  type Row,
  SECOND_MS,
} from './model.ts';

const TUMBLING_10_S = { sizeMs: 10 * SECOND_MS, everyMs: 10 * SECOND_MS };
const SLIDING_10_S = { sizeMs: 10 * SECOND_MS, everyMs: 2 * SECOND_MS };
const EURO_THOUSANDTHS = 908;
/** Rows of the table that q13 looks things up in: the numbers from 0 on, each with itself as text. */
const SIDE_INPUT_ROWS = 10_000;

interface SoldFor {
  readonly auction: Auction;
  readonly bid: Bid;
}

/** The best bid of each auction that has one in its time. */
function bestBids({ auctions, bids }: Events, compare: (a: Bid, b: Bid) => number): SoldFor[] {
  const bidsOf = groupBy(bids, (bid) => bid.auction);
  return auctions.flatMap((auction) => {
    const timely = (bidsOf.get(auction.id) ?? []).filter(
      (bid) => bid.dateTime >= auction.dateTime && bid.dateTime <= auction.expires,
    );
    const bid = best(timely, compare);
    return bid === undefined ? [] : [{ auction, bid }];
  });
}

const q0: Query = ({ bids }) =>
  bids.map(({ auction, bidder, price, dateTime, extra }) => ({
    auction,
    bidder,
    price,
    dateTime,
    extra,
  }));

const q1: Query = (events) =>
  q0(events).map((row) => ({ ...row, price: decimal(Number(row.price), EURO_THOUSANDTHS) }));

const q2: Query = ({ bids }) =>
  bids.filter((bid) => bid.auction % 123 === 0).map(({ auction, price }) => ({ auction, price }));

const q3: Query = ({ persons, auctions }) => {
  const sellers = new Map(persons.map((person) => [person.id, person]));
  return auctions.flatMap(({ id, category, seller }) => {
    const person = sellers.get(seller);
    if (category !== 10 || person === undefined) return [];
    const { name, city, state } = person;
    return ['OR', 'ID', 'CA'].includes(state) ? [{ name, city, state, id }] : [];
  });
};

const q4: Query = (events) => {
  const sold = bestBids(events, (a, b) => a.price - b.price);
  return [...groupBy(sold, ({ auction }) => auction.category)].map(([id, ofCategory]) => ({
    id,
    final: mean(ofCategory.map(({ bid }) => bid.price)),
  }));
};

const q5: Query = ({ bids }) =>
  [...windowBy(bids, (bid) => bid.dateTime, SLIDING_10_S).values()].flatMap((held) => {
    const counts = [...groupBy(held, (bid) => bid.auction)];
    const most = maximum(counts.map(([, ofAuction]) => ofAuction.length));
    return counts
      .filter(([, ofAuction]) => ofAuction.length === most)
      .map(([auction]) => ({ auction, num: most }));
  });

const q6: Query = (events) => {
  const sold = bestBids(events, (a, b) => a.price - b.price);
  return [...groupBy(sold, ({ auction }) => auction.seller)].flatMap(([seller, ofSeller]) => {
    const prices = ofSeller
      .sort((a, b) => a.bid.dateTime - b.bid.dateTime)
      .map(({ bid }) => bid.price);
    return prices.map((_, i) => ({
      seller,
      avg_price: mean(prices.slice(Math.max(0, i - 10), i + 1)),
    }));
  });
};

const q7: Query = ({ bids }) => {
  const bidsAt = groupBy(bids, (bid) => bid.price);
  const windows = windowBy(bids, (bid) => bid.dateTime, TUMBLING_10_S);
  return [...windows].flatMap(([start, held]) => {
    const highest = bidsAt.get(maximum(held.map((bid) => bid.price)))!;
    return highest
      .filter(({ dateTime }) => dateTime >= start && dateTime <= start + TUMBLING_10_S.sizeMs)
      .map(({ auction, price, bidder, dateTime, extra }) => ({
        auction,
        price,
        bidder,
        dateTime,
        extra,
      }));
  });
};

const q8: Query = ({ persons, auctions }) => {
  const sellersOf = windowBy(auctions, (auction) => auction.dateTime, TUMBLING_10_S);
  const windows = windowBy(persons, (person) => person.dateTime, TUMBLING_10_S);
  return [...windows].flatMap(([stime, arrived]) => {
    const sellers = new Set((sellersOf.get(stime) ?? []).map((auction) => auction.seller));
    const people = new Map(arrived.map((person) => [`${person.id} ${person.name}`, person]));
    return [...people.values()]
      .filter((person) => sellers.has(person.id))
      .map(({ id, name }) => ({ id, name, stime }));
  });
};

const q9: Query = (events) =>
  bestBids(events, (a, b) => a.price - b.price || b.dateTime - a.dateTime).map(
    ({ auction, bid }) => ({
      ...auction,
      auction: bid.auction,
      bidder: bid.bidder,
      price: bid.price,
      bid_dateTime: bid.dateTime,
      bid_extra: bid.extra,
    }),
  );

const q10: Query = (events) =>
  q0(events).map((row) => ({
    ...row,
    dt: dayOf(Number(row.dateTime)),
    hm: minuteOf(Number(row.dateTime)),
  }));

const q11: Query = ({ bids }) =>
  [...groupBy(bids, (bid) => bid.bidder)].flatMap(([bidder, placed]) => {
    const times = placed.map((bid) => bid.dateTime);
    return sessions(times, 10 * SECOND_MS, true).map((run) => ({
      bidder,
      bid_count: run.length,
      starttime: run[0],
      endtime: run[run.length - 1] + 10 * SECOND_MS,
    }));
  });

const q13: Query = ({ bids }) =>
  bids
    .filter((bid) => bid.auction % 10_000 < SIDE_INPUT_ROWS)
    .map(({ auction, bidder, price, dateTime }) => ({
      auction,
      bidder,
      price,
      dateTime,
      value: String(auction % 10_000),
    }));

const q14: Query = ({ bids }) =>
  bids
    .filter(({ price }) => {
      const thousandths = price * EURO_THOUSANDTHS;
      return thousandths > 1_000_000_000 && thousandths < 50_000_000_000;
    })
    .map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price: decimal(price, EURO_THOUSANDTHS),
      bidTimeType: bidTimeType(new Date(dateTime).getUTCHours()),
      dateTime,
      extra,
      c_counts: extra.split('c').length - 1,
    }));

function bidTimeType(hour: number): string {
  if (hour >= 8 && hour <= 18) return 'dayTime';
  return hour <= 6 || hour >= 20 ? 'nightTime' : 'otherTime';
}

const q15: Query = ({ bids }) =>
  [...groupBy(bids, (bid) => dayOf(bid.dateTime))].map(([day, ofDay]) => ({
    day,
    ...ranks('bids', ofDay, (some) => some.length),
    ...ranks('bidders', ofDay, (some) => new Set(some.map((bid) => bid.bidder)).size),
    ...ranks('auctions', ofDay, (some) => new Set(some.map((bid) => bid.auction)).size),
  }));

const q16: Query = ({ bids }) =>
  [...groupBy(bids, (bid) => bid.channel)].flatMap(([channel, ofChannel]) =>
    [...groupBy(ofChannel, (bid) => dayOf(bid.dateTime))].map(([day, ofDay]) => ({
      channel,
      day,
      minute: minuteOf(maximum(ofDay.map((bid) => bid.dateTime))),
      ...ranks('bids', ofDay, (some) => some.length),
      ...ranks('bidders', ofDay, (some) => new Set(some.map((bid) => bid.bidder)).size),
      ...ranks('auctions', ofDay, (some) => new Set(some.map((bid) => bid.auction)).size),
    })),
  );

const q17: Query = ({ bids }) =>
  [...groupBy(bids, (bid) => bid.auction)].flatMap(([auction, ofAuction]) =>
    [...groupBy(ofAuction, (bid) => dayOf(bid.dateTime))].map(([day, ofDay]) => {
      const prices = ofDay.map((bid) => bid.price);
      return {
        auction,
        day,
        ...ranks('bids', ofDay, (some) => some.length),
        min_price: -maximum(prices.map((price) => -price)),
        max_price: maximum(prices),
        avg_price: mean(prices),
        sum_price: sum(prices),
      };
    }),
  );

/** A count of all bids, of cheap ones, of middling and of dear ones. */
function ranks(of: string, bids: readonly Bid[], count: (bids: readonly Bid[]) => number): Row {
  return {
    [`total_${of}`]: count(bids),
    [`rank1_${of}`]: count(bids.filter(({ price }) => price < 10_000)),
    [`rank2_${of}`]: count(bids.filter(({ price }) => price >= 10_000 && price < 1_000_000)),
    [`rank3_${of}`]: count(bids.filter(({ price }) => price >= 1_000_000)),
  };
}

const q18: Query = ({ bids }) => {
  const last = new Map<string, Bid>();
  for (const bid of bids) {
    const key = `${bid.bidder} ${bid.auction}`;
    const kept = last.get(key);
    // Which of two at the same time is the last is nobody's to say in SQL: here the higher one.
    const later =
      kept === undefined || (bid.dateTime - kept.dateTime || bid.price - kept.price) > 0;
    if (later) last.set(key, bid);
  }
  return [...last.values()].map((bid) => ({ ...bid }));
};

const q19: Query = ({ bids }) =>
  [...groupBy(bids, (bid) => bid.auction).values()].flatMap((ofAuction) =>
    [...ofAuction]
      .sort((a, b) => b.price - a.price)
      .slice(0, 10)
      .map((bid, i) => ({ ...bid, rank_number: i + 1 })),
  );

const q20: Query = ({ auctions, bids }) => {
  const wanted = auctions.filter((auction) => auction.category === 10);
  const auctionOf = new Map(wanted.map((auction) => [auction.id, auction]));
  return bids.flatMap((bid) => {
    const auction = auctionOf.get(bid.auction);
    if (auction === undefined) return [];
    const { dateTime: bid_dateTime, extra: bid_extra, ...bidColumns } = bid;
    const { id: _, dateTime: auction_dateTime, extra: auction_extra, ...columns } = auction;
    const { itemName, description, initialBid, reserve, ...rest } = columns;
    const item = { itemName, description, initialBid, reserve };
    return [
      { ...bidColumns, bid_dateTime, bid_extra, ...item, auction_dateTime, ...rest, auction_extra },
    ];
  });
};

const CHANNEL_IDS: { readonly [channel: string]: string } = {
  apple: '0',
  google: '1',
  facebook: '2',
  baidu: '3',
};

const q21: Query = ({ bids }) =>
  bids.flatMap(({ auction, bidder, price, channel, url }) => {
    const known = CHANNEL_IDS[channel.toLowerCase()];
    const channel_id = known ?? /(?:&|^)channel_id=([^&]*)/.exec(url)?.[1];
    return channel_id === undefined ? [] : [{ auction, bidder, price, channel, channel_id }];
  });

const q22: Query = ({ bids }) =>
  bids.map(({ auction, bidder, price, channel, url }) => {
    const [, , , dir1, dir2, dir3] = url.split('/');
    return { auction, bidder, price, channel, dir1, dir2, dir3 };
  });

/** Cut to whole cents, as SQL does with whole numbers. */
function mean(prices: readonly number[]): number {
  return Math.floor(sum(prices) / prices.length);
}

export const flinkQueries = {
  q0,
  q1,
  q2,
  q3,
  q4,
  q5,
  q6,
  q7,
  q8,
  q9,
  q10,
  q11,
  q13,
  q14,
  q15,
  q16,
  q17,
  q18,
  q19,
  q20,
  q21,
  q22,
};
