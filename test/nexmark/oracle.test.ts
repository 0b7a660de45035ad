import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import beam from './beam-results.json' with { type: 'json' };
import { loadEvents } from './load-events.ts';
import { beamQueries } from './oracle/beam.ts';
import { flinkQueries } from './oracle/flink.ts';
import type { Auction, Bid, Events, Person, Row } from './oracle/model.ts';

function bid(fields: Partial<Bid>): Bid {
  const defaults = { auction: 1, bidder: 1, price: 100, channel: 'Apple', url: '', extra: '' };
  return { ...defaults, dateTime: 0, ...fields };
}

function auction(fields: Partial<Auction>): Auction {
  const texts = { itemName: '', description: '', extra: '' };
  const numbers = { initialBid: 1, reserve: 50, seller: 1, category: 10 };
  return { id: 1, ...texts, ...numbers, dateTime: 0, expires: 5000, ...fields };
}

function person(fields: Partial<Person>): Person {
  const texts = { name: 'A B', emailAddress: '', creditCard: '', city: 'Kent', extra: '' };
  return { id: 1, ...texts, state: 'OR', dateTime: 0, ...fields };
}

function eventsOf(events: Partial<Events>): Events {
  return { persons: [], auctions: [], bids: [], ...events };
}

describe("Beam's published numbers of results, with a hundred generators", () => {
  let large: Events;
  let small: Events;
  beforeAll(async () => {
    large = await loadEvents({ count: 100_000, generators: 100 });
    small = await loadEvents({ count: 10_000, generators: 100 });
  });

  test.each([
    ['q0', 100_000],
    ['q1', 92_000],
    ['q2', 351],
    ['q3', 580],
    ['q5', 12],
    ['q7', 1],
    ['q8', 6000],
    ['q11', 1919],
  ] as const)('%s has %i of 100,000 events', (query, results) => {
    expect(beamQueries[query](large)).toHaveLength(results);
  });

  test.each([
    ['q4', 40],
    ['q9', 298],
  ] as const)('%s has %i of 10,000 events', (query, results) => {
    expect(beamQueries[query](small)).toHaveLength(results);
  });
});

describe("the results of Beam's own models", () => {
  let events: Events;
  beforeAll(async () => {
    events = await loadEvents(beam.options);
  });

  /** The model of q4 keeps the last average of each category. */
  function lastAverages(rows: readonly Row[]): readonly Row[] {
    const inOrder = [...rows].sort((a, b) => Number(a.starttime) - Number(b.starttime));
    return [...new Map(inOrder.map((row) => [row.category, row])).values()];
  }

  test.each(Object.entries(beam.queries))('%s equals them row by row', (name, expected) => {
    const rows = beamQueries[name as keyof typeof beam.queries](events);
    const lines = (name === 'q4' ? lastAverages(rows) : rows)
      .map((row) => JSON.stringify(expected.columns.map((column) => row[column])))
      .sort();
    expect(lines).toHaveLength(expected.results);
    const digest = createHash('sha256').update(lines.join('\n')).digest('hex');
    expect(digest).toBe(expected.sha256);
  });
});

describe('what the two suites define differently', () => {
  test('q1 converts to whole cents, or to thousandths of them', () => {
    const events = eventsOf({ bids: [bid({ price: 199 }), bid({ price: 1000 })] });
    expect(beamQueries.q1(events).map((row) => row.price)).toEqual([177, 890]);
    expect(flinkQueries.q1(events).map((row) => row.price)).toEqual(['180.692', '908.000']);
  });

  test('q9 heeds the reserve and early bids, or the begin of the auction and its last moment', () => {
    const early = bid({ price: 60, dateTime: -1 });
    const low = bid({ price: 49, dateTime: 10 });
    const last = bid({ price: 70, dateTime: 5000 });
    const winner = (bids: Bid[]) => {
      const events = eventsOf({ auctions: [auction({})], bids });
      return [beamQueries.q9, flinkQueries.q9].map((q9) => q9(events)[0]?.price);
    };
    expect(winner([early, low, last])).toEqual([60, 70]);
    expect(winner([low])).toEqual([undefined, 49]);
    expect(winner([early])).toEqual([60, undefined]);
  });

  test('q9 prefers the earlier of equal bids', () => {
    const bids = [bid({ dateTime: 9, bidder: 5 }), bid({ dateTime: 3, bidder: 6 })];
    const events = eventsOf({ auctions: [auction({})], bids });
    for (const { q9 } of [beamQueries, flinkQueries]) expect(q9(events)[0].bidder).toBe(6);
  });

  test('q4 averages per window and rounds, or over all and cuts', () => {
    const auctions = [auction({}), auction({ id: 2, expires: 9000 })];
    const bids = [bid({ price: 100 }), bid({ auction: 2, price: 101 })];
    const events = eventsOf({ auctions, bids });
    expect(beamQueries.q4(events)).toEqual(
      expect.arrayContaining([
        { category: 10, price: 100, starttime: -5000 },
        { category: 10, price: 101, starttime: 0 },
        { category: 10, price: 101, starttime: 5000 },
      ]),
    );
    expect(flinkQueries.q4(events)).toEqual([{ id: 10, final: 100 }]);
  });

  test('q5 slides by 5 s, or by 2 s', () => {
    const events = eventsOf({ bids: [bid({}), bid({ auction: 2 })] });
    expect(beamQueries.q5(events)).toHaveLength(2 * 2);
    expect(flinkQueries.q5(events)).toHaveLength(2 * 5);
  });

  test('q6 keeps ten prices, or eleven', () => {
    const auctions = Array.from({ length: 12 }, (_, i) => auction({ id: i, expires: 9000 + i }));
    const bids = auctions.map(({ id }) => bid({ auction: id, price: 1000 * id, dateTime: id }));
    const events = eventsOf({ auctions, bids });
    expect(flinkQueries.q6(events).map((row) => row.avg_price)).toEqual([
      0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 6000,
    ]);
    // The first bid is below the reserve.
    expect(beamQueries.q6(events).map((row) => row.price)).toEqual([
      1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 5500, 6500,
    ]);
  });

  test('q7 takes a bid at the end of a window into the next one alone, or into both', () => {
    const events = eventsOf({ bids: [bid({ dateTime: 1 }), bid({ dateTime: 10_000 })] });
    expect(beamQueries.q7(events)).toHaveLength(2);
    expect(flinkQueries.q7(events)).toHaveLength(3);
  });

  test('q8 yields each auction of a new person, or the person once', () => {
    const auctions = [auction({ reserve: 5 }), auction({ reserve: 6 }), auction({ seller: 2 })];
    const events = eventsOf({ persons: [person({})], auctions });
    expect(beamQueries.q8(events).map((row) => row.reserve)).toEqual([5, 6]);
    expect(flinkQueries.q8(events)).toEqual([{ id: 1, name: 'A B', stime: 0 }]);
  });

  test('q11 parts sessions that are exactly the gap apart, or joins them', () => {
    const bids = [0, 10_000, 20_001].map((dateTime) => bid({ dateTime }));
    expect(beamQueries.q11(eventsOf({ bids })).map((row) => row.count)).toEqual([1, 1, 1]);
    expect(flinkQueries.q11(eventsOf({ bids }))).toEqual([
      { bidder: 1, bid_count: 2, starttime: 0, endtime: 20_000 },
      { bidder: 1, bid_count: 1, starttime: 20_001, endtime: 30_001 },
    ]);
  });
});

describe("queries of Flink's suite alone", () => {
  test('q14 takes prices between the bounds, names the time of day and counts a letter', () => {
    const hours = [7, 8, 18, 19, 20].map((hour) =>
      bid({ price: 2_000_000, extra: 'cacc', dateTime: hour * 3_600_000 }),
    );
    const out = [bid({ price: 1_101_321 }), bid({ price: 55_066_080 })];
    const rows = flinkQueries.q14(eventsOf({ bids: [...hours, ...out] }));
    expect(rows.map((row) => row.bidTimeType)).toEqual([
      'otherTime',
      'dayTime',
      'dayTime',
      'otherTime',
      'nightTime',
    ]);
    expect(rows[0]).toMatchObject({ price: '1816000.000', c_counts: 3 });
  });

  test('q15, q16 and q17 count by rank of price', () => {
    const bids = [
      bid({ price: 9999 }),
      bid({ price: 10_000, bidder: 2, auction: 2 }),
      bid({ price: 999_999, bidder: 2 }),
      bid({ price: 1_000_000, channel: 'Baidu', dateTime: 60_000 }),
    ];
    const events = eventsOf({ bids });
    expect(flinkQueries.q15(events)).toEqual([
      {
        day: '1970-01-01',
        ...{ total_bids: 4, rank1_bids: 1, rank2_bids: 2, rank3_bids: 1 },
        ...{ total_bidders: 2, rank1_bidders: 1, rank2_bidders: 1, rank3_bidders: 1 },
        ...{ total_auctions: 2, rank1_auctions: 1, rank2_auctions: 2, rank3_auctions: 1 },
      },
    ]);
    expect(flinkQueries.q16(events)).toMatchObject([
      { channel: 'Apple', minute: '00:00', total_bids: 3 },
      { channel: 'Baidu', minute: '00:01', total_bids: 1 },
    ]);
    expect(flinkQueries.q17(events)[0]).toMatchObject({
      ...{ auction: 1, total_bids: 3, rank2_bids: 1 },
      ...{ min_price: 9999, max_price: 1_000_000, avg_price: 669_999, sum_price: 2_009_998 },
    });
  });

  test('q18 keeps the last bid of a bidder for an auction, q19 the ten highest', () => {
    const prices = [5, 9, 9, 1, 2, 3, 4, 6, 7, 8, 10, 11];
    const bids = prices.map((price, i) => bid({ price, bidder: i % 6, dateTime: i }));
    const events = eventsOf({ bids });
    expect(flinkQueries.q18(events).map((row) => row.price)).toEqual([4, 6, 7, 8, 10, 11]);
    const atOnce = eventsOf({ bids: [bid({ price: 2 }), bid({ price: 3 }), bid({ price: 1 })] });
    expect(flinkQueries.q18(atOnce).map((row) => row.price)).toEqual([3]);
    const top = flinkQueries.q19(events);
    expect(top.map((row) => row.price)).toEqual([11, 10, 9, 9, 8, 7, 6, 5, 4, 3]);
    expect(top.map((row) => row.rank_number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(top.slice(2, 4).map((row) => row.bidder)).toEqual([1, 2]);
  });

  test('q20 joins bids to auctions of one category', () => {
    const auctions = [auction({}), auction({ id: 2, category: 11 })];
    const bids = [bid({ extra: 'x' }), bid({ auction: 2 }), bid({ auction: 3 })];
    expect(flinkQueries.q20(eventsOf({ auctions, bids }))).toMatchObject([
      { auction: 1, bid_extra: 'x', category: 10, auction_extra: '' },
    ]);
  });

  test('q21 finds the channel in its name or in the address, q22 takes the address apart', () => {
    const url = 'https://www.nexmark.com/ab/c_d/efg/item.htm?query=1';
    const bids = [
      bid({ channel: 'gOOgle', url }),
      bid({ channel: 'channel-7', url: `${url}&channel_id=42` }),
      bid({ channel: 'channel-8', url }),
    ];
    const events = eventsOf({ bids });
    expect(flinkQueries.q21(events).map((row) => row.channel_id)).toEqual(['1', '42']);
    expect(flinkQueries.q22(events)[0]).toMatchObject({ dir1: 'ab', dir2: 'c_d', dir3: 'efg' });
  });

  test('q3 joins people of three states, q10 dates each bid, q13 looks every auction up', () => {
    const persons = [person({}), person({ id: 2, state: 'WY' })];
    const auctions = [auction({}), auction({ seller: 2 }), auction({ category: 12 })];
    const bids = [bid({ auction: 20_007, dateTime: 3_660_000 })];
    const events = eventsOf({ persons, auctions, bids });
    const local = [{ name: 'A B', city: 'Kent', state: 'OR', id: 1 }];
    expect([flinkQueries.q3(events), beamQueries.q3(events)]).toEqual([local, local]);
    expect(flinkQueries.q10(events)[0]).toMatchObject({ dt: '1970-01-01', hm: '01:01' });
    expect(flinkQueries.q13(events)[0]).toMatchObject({ auction: 20_007, value: '7' });
  });
});
