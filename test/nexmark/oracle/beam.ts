/**
 * The queries as Apache Beam defines them, over arrays.
 *
 * - q1 multiplies by 89/100 in whole cents.
 * - q4, q6 and q9 know only winning bids: at or above the reserve, before (not at) the expiry, the highest, among equals the earliest.
 *   A bid may be older than its auction. The result has the last millisecond of the auction as its time.
 * - q4 averages over windows of 10 s every 5 s, rounded half up; q5 has the same windows.
 * - q6 forgets the oldest of eleven bids, which may be the one that was just added: an auction can end after others and be won by an
 *   older bid.
 * - q8 yields a result per auction, q5 every auction with the most bids.
 * - q11 parts sessions that are exactly the gap apart.
 */
import { best, groupBy, maximum, sessions, sum, windowBy } from './group.ts';
import { type Auction, type Bid, type Events, type Query, type Row, SECOND_MS } from './model.ts';

const TUMBLING_10_S = { sizeMs: 10 * SECOND_MS, everyMs: 10 * SECOND_MS };
const SLIDING_10_S = { sizeMs: 10 * SECOND_MS, everyMs: 5 * SECOND_MS };
const AUCTION_SKIP = 123;
const PRICES_KEPT = 10;

interface WinningBid {
  readonly auction: Auction;
  readonly bid: Bid;
}

/** In the order in which the auctions end, then of their ids. */
export function winningBids({ auctions, bids }: Events): WinningBid[] {
  const bidsOf = groupBy(bids, (bid) => bid.auction);
  const won = auctions.flatMap((auction) => {
    const valid = (bidsOf.get(auction.id) ?? []).filter(
      (bid) => bid.dateTime < auction.expires && bid.price >= auction.reserve,
    );
    const bid = best(valid, (a, b) => a.price - b.price || b.dateTime - a.dateTime);
    return bid === undefined ? [] : [{ auction, bid }];
  });
  return won.sort((a, b) => a.auction.expires - b.auction.expires || a.auction.id - b.auction.id);
}

const q0: Query = ({ persons, auctions, bids }) =>
  [...persons, ...auctions, ...bids].map((event) => ({ ...event }));

const q1: Query = ({ bids }) =>
  bids.map(({ auction, bidder, price, dateTime, extra }) => ({
    auction,
    bidder,
    price: Math.floor((price * 89) / 100),
    dateTime,
    extra,
  }));

const q2: Query = ({ bids }) =>
  bids
    .filter((bid) => bid.auction % AUCTION_SKIP === 0)
    .map(({ auction, price }) => ({ auction, price }));

const q3: Query = ({ persons, auctions }) => {
  const local = persons.filter(({ state }) => state === 'OR' || state === 'ID' || state === 'CA');
  const sellers = new Map(local.map((person) => [person.id, person]));
  return auctions.flatMap(({ id, category, seller }) => {
    const person = category === 10 ? sellers.get(seller) : undefined;
    if (person === undefined) return [];
    return [{ name: person.name, city: person.city, state: person.state, id }];
  });
};

const q4: Query = (events) => {
  const windows = windowBy(winningBids(events), ({ auction }) => auction.expires - 1, SLIDING_10_S);
  return [...windows].flatMap(([starttime, won]) =>
    [...groupBy(won, ({ auction }) => auction.category)].map(([category, ofCategory]) => ({
      category,
      price: mean(ofCategory.map(({ bid }) => bid.price)),
      starttime,
    })),
  );
};

const q5: Query = ({ bids }) =>
  [...windowBy(bids, (bid) => bid.dateTime, SLIDING_10_S)].flatMap(([starttime, held]) => {
    const counts = [...groupBy(held, (bid) => bid.auction)];
    const most = maximum(counts.map(([, ofAuction]) => ofAuction.length));
    return counts
      .filter(([, ofAuction]) => ofAuction.length === most)
      .map(([auction]) => ({ auction, num: most, starttime }));
  });

/** The mean of a seller's last ten winning bids after each of them. */
const q6: Query = (events) => {
  const results: Row[] = [];
  for (const [seller, won] of groupBy(winningBids(events), ({ auction }) => auction.seller)) {
    let kept: Bid[] = [];
    for (const { bid } of won) {
      kept = [...kept, bid]
        .sort((a, b) => a.dateTime - b.dateTime || a.price - b.price)
        .slice(-PRICES_KEPT);
      results.push({ seller, price: mean(kept.map((sold) => sold.price)) });
    }
  }
  return results;
};

const q7: Query = ({ bids }) =>
  [...windowBy(bids, (bid) => bid.dateTime, TUMBLING_10_S).values()].flatMap((held) => {
    const most = maximum(held.map((bid) => bid.price));
    return held
      .filter((bid) => bid.price === most)
      .map(({ auction, bidder, price, dateTime, extra }) => ({
        auction,
        bidder,
        price,
        dateTime,
        extra,
      }));
  });

const q8: Query = ({ persons, auctions }) => {
  const window = (timeMs: number) => Math.floor(timeMs / TUMBLING_10_S.sizeMs);
  const people = new Map(
    persons.map((person) => [`${person.id} ${window(person.dateTime)}`, person]),
  );
  return auctions.flatMap(({ seller, dateTime, reserve }) => {
    const person = people.get(`${seller} ${window(dateTime)}`);
    return person === undefined ? [] : [{ id: person.id, name: person.name, reserve }];
  });
};

const q9: Query = (events) =>
  winningBids(events).map(({ auction, bid }) => ({
    ...auction,
    auction: bid.auction,
    bidder: bid.bidder,
    price: bid.price,
    bid_dateTime: bid.dateTime,
    bid_extra: bid.extra,
  }));

const q11: Query = ({ bids }) =>
  [...groupBy(bids, (bid) => bid.bidder)].flatMap(([bidder, placed]) => {
    const times = placed.map((bid) => bid.dateTime);
    return sessions(times, 10 * SECOND_MS, false).map((run) => ({ bidder, count: run.length }));
  });

/** Half up, as Java rounds. */
function mean(prices: readonly number[]): number {
  return Math.round(sum(prices) / prices.length);
}

export const beamQueries = { q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q11 };
