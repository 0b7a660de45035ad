import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { encodeObject, type RowObject } from '../../host/abi/row-object.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { JavaRandom } from '../../host/connectors/nexmark/java-random.ts';
import {
  createNexmarkConnector,
  nexmarkConnector,
} from '../../host/connectors/nexmark/nexmark-connector.ts';
import { EVENT_SCHEMA } from '../../host/connectors/nexmark/schemas.ts';
import { sourceContract } from '../contracts/source.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { readAll } from '../kit/source-reading.ts';
import beam from '../nexmark/beam-vectors.json' with { type: 'json' };
import { nexmarkSource, openSplits, recordsOf } from '../nexmark/events.ts';
import javaRandoms from '../nexmark/java-random.json' with { type: 'json' };

/** The fields that Beam's events have, in its order. */
const BEAM_FIELDS: Readonly<Record<string, readonly [string, string]>> = {
  person: ['P', 'id name emailAddress creditCard city state dateTime extra'],
  auction: [
    'A',
    'id itemName description initialBid reserve dateTime expires seller category extra',
  ],
  bid: ['B', 'auction bidder price dateTime extra'],
};

function beamLine(event: RowObject): string {
  const [kind, [letter, fields]] = Object.entries(BEAM_FIELDS).find(
    ([name]) => event[name] !== null,
  )!;
  const record = event[kind] as RowObject;
  const values = fields.split(' ').map((field) => String(record[field]));
  return [String(event.dateTime), letter, ...values].join('\t');
}

async function recordsWith(options: ConnectorOptions): Promise<RowObject[]> {
  const records: RowObject[] = [];
  for await (const record of recordsOf(nexmarkSource(options))) records.push(record);
  return records;
}

for (const events of ['all', 'person', 'auction', 'bid']) {
  sourceContract(`nexmark, events: ${events}`, async () => {
    const source = nexmarkSource({
      events,
      count: events === 'person' ? 1200 : 500,
      generators: 3,
    });
    return { source, schema: source.schema, baseDirectory: '/' };
  });
}

describe('java.util.Random', () => {
  test.each(javaRandoms)('draws what Java draws from seed $seed', (java) => {
    const random = new JavaRandom();
    random.seed(java.seed);
    expect([random.nextInt(), random.nextInt()]).toEqual(java.int);
    const bounds = [1, 2, 13, 2 ** 30, 2 ** 30 + 1, 2 ** 30 + 1, 2 ** 31 - 1];
    expect(bounds.map((bound) => random.nextIntBelow(bound))).toEqual(java.below);
    expect([random.nextDouble(), random.nextDouble()]).toEqual(java.double);
    expect([String(random.nextLong()), String(random.nextLong())]).toEqual(java.long);
    // Bounds just above 2^30 are drawn again half of the time.
    let sum = 0n;
    for (let i = 0; i < 100_000; i++) {
      sum = BigInt.asIntN(64, sum * 31n + BigInt(random.nextIntBelow(2 ** 30 + i + 1)));
    }
    expect(String(sum)).toBe(java.after);
  });
});

describe('nexmark connector', () => {
  test.each(beam.vectors)('makes the events that Beam makes: $name', async (vector) => {
    const hash = createHash('sha256');
    const lines: string[] = [];
    for await (const event of recordsOf(
      nexmarkSource(vector.options as unknown as ConnectorOptions),
    )) {
      const line = beamLine(event);
      hash.update(`${line}\n`);
      if (lines.length < 10) lines.push(line);
    }
    expect(lines).toEqual(expect.arrayContaining(vector.first));
    expect(hash.digest('hex')).toBe(vector.sha256);
  });

  test('writes rows in canonical form', async () => {
    for (const events of ['all', 'person', 'auction', 'bid']) {
      const source = nexmarkSource({ events, count: 2000, averageBytes: { person: 90 } });
      const rows = await readAll({ source, schema: source.schema, baseDirectory: '/' });
      const out = new BatchBuilder();
      for await (const record of recordsOf(source)) encodeObject(source.schema, record, out);
      expect(rows.join('')).toBe(Buffer.from(out.batch().bytes).toString('latin1'));
    }
  });

  test('leaves nothing of what a reused batch held before', async () => {
    const source = nexmarkSource({ count: 300, averageBytes: { person: 0, auction: 0, bid: 0 } });
    const clean = await readAll({ source, schema: source.schema, baseDirectory: '/' });
    const reader = await openSplits(source, await source.splits('/'));
    const out = new BatchBuilder();
    out.bytes.fill(0xff);
    reader.poll(out, 1 << 20);
    expect(Buffer.from(out.batch().bytes).toString('latin1')).toBe(clean.join(''));
  });

  test('yields one kind alone as the same records that stand in the events', async () => {
    const all = await recordsWith({ count: 3000, generators: 2 });
    for (const [kind, events] of ['person', 'auction', 'bid'].entries()) {
      const alone = await recordsWith({ count: 3000, generators: 2, events });
      expect(alone).toEqual(all.filter((event) => event.kind === kind).map((e) => e[events]));
    }
    const counts = [0, 1, 2].map((kind) => all.filter((event) => event.kind === kind).length);
    expect(counts).toEqual([60, 180, 2760]);
    expect(EVENT_SCHEMA.fields.map((field) => field.name)).toEqual(Object.keys(all[0]));
  });

  test('gives half of the bids to four channels and most of the others an id in their address', async () => {
    const bids = await recordsWith({ events: 'bid', count: 20_000 });
    const isHot = (bid: RowObject) => /^(Google|Facebook|Baidu|Apple)$/.test(String(bid.channel));
    const hot = bids.filter(isHot);
    expect(hot.length / bids.length).toBeCloseTo(0.5, 1);
    expect(new Set(hot.map((bid) => bid.channel)).size).toBe(4);
    const cold = bids.filter((bid) => !isHot(bid));
    const path = String.raw`^https://www\.nexmark\.com/[a-z_]{3,4}/[a-z_]{3,4}/[a-z_]{3,4}/item\.htm\?query=1`;
    expect(bids.every((bid) => new RegExp(path).test(String(bid.url)))).toBe(true);
    expect(cold.every((bid) => /^channel-\d{1,4}$/.test(String(bid.channel)))).toBe(true);
    const withId = cold.filter((bid) => /&channel_id=\d+$/.test(String(bid.url)));
    expect(withId.length / cold.length).toBeCloseTo(0.9, 1);
    const urls = new Map(bids.map((bid) => [bid.channel, bid.url]));
    expect(bids.every((bid) => urls.get(bid.channel) === bid.url)).toBe(true);
  });

  test('makes other events from another seed, and the same from the same', async () => {
    const ids = (records: RowObject[]) => records.map((record) => record.auction);
    const first = await recordsWith({ events: 'bid', count: 500, seed: 7 });
    expect(await recordsWith({ events: 'bid', count: 500, seed: 7 })).toEqual(first);
    for (const seed of [0, 1, 8]) {
      expect(ids(await recordsWith({ events: 'bid', count: 500, seed }))).not.toEqual(ids(first));
    }
  });

  test('obeys other proportions', async () => {
    const proportions = { person: 2, auction: 5, bid: 3 };
    const events = await recordsWith({ count: 1000, proportions });
    const counts = [0, 1, 2].map((kind) => events.filter((event) => event.kind === kind).length);
    expect(counts).toEqual([200, 500, 300]);
    for (const kind of ['person', 'auction']) {
      const records = events.flatMap((event) => (event[kind] === null ? [] : [event[kind]]));
      const ids = records.map((record) => (record as RowObject).id);
      expect(ids).toEqual(ids.map((_, i) => BigInt(1000 + i)));
    }
  });

  test('begins now when told so, and goes on from the same base time after a restart', async () => {
    const clock = new ManualClock(1_700_000_000_123);
    const checked = createNexmarkConnector(clock).source!({ baseTime: 'now', events: 'bid' });
    if (!checked.ok) throw new Error('the options are right');
    const [split] = await checked.value.splits('/');
    clock.advance(5_000);
    const reader = await openSplits(checked.value, JSON.parse(JSON.stringify([split])));
    const out = new BatchBuilder();
    reader.poll(out, 1000);
    // The field `dateTime` of the first bid, which is event 4 of a generator that makes one in 100 µs.
    expect(out.view.getBigInt64(16 + 5 * 8, true)).toBe(1_700_000_000_123n);
  });

  test('hands events over when they are due, when it is paced', async () => {
    const clock = new ManualClock();
    const options = { paced: true, rate: 1000, count: 3000, generators: 2 };
    const checked = createNexmarkConnector(clock).source!(options);
    if (!checked.ok) throw new Error('the options are right');
    const splits = await checked.value.splits('/');
    const reader = await openSplits(checked.value, splits);
    const out = new BatchBuilder();
    expect(reader.poll(out, 1 << 22)).toBe('idle');
    // Two generators, each with an event every 2 ms.
    expect(out.count).toBe(2);
    expect(clock.waiting).toEqual([2]);
    clock.advance(100);
    expect(reader.poll(out, 1 << 22)).toBe('idle');
    expect(out.count).toBe(102);
    // One that goes on from there neither waits for the past nor makes up for it.
    const later = await openSplits(checked.value, reader.snapshot());
    out.clear();
    expect(later.poll(out, 1 << 22)).toBe('idle');
    expect(out.count).toBe(2);
    clock.advance(10_000);
    out.clear();
    expect(reader.poll(out, 1 << 22)).toBe('end');
    expect(out.count).toBe(3000 - 102);
    await reader.close();
    await later.close();
    expect(clock.waiting).toEqual([]);
  });

  test('is endless without a count', async () => {
    const source = nexmarkSource({ generators: 2 });
    const splits = await source.splits('/');
    const position = 184_467_440_737_000;
    const reader = await openSplits(source, [{ ...splits[1], position }]);
    const out = new BatchBuilder();
    expect(reader.poll(out, 1 << 12)).toBe('more');
    expect(out.count).toBeGreaterThan(5);
  });

  test('refuses unknown keys and wrong values, each with its path', () => {
    const checked = nexmarkConnector.source!({
      count: -1,
      cuont: 1,
      events: 'people',
      outOfOrderGroup: 1906,
      baseTime: 'yesterday',
      rate: 0,
      averageBytes: { bid: 70_000 },
      proportions: { person: 0 },
    });
    const paths = checked.ok ? [] : checked.findings.map((finding) => finding.path.join('.'));
    expect(paths.sort()).toEqual([
      'averageBytes.bid',
      'baseTime',
      'count',
      'cuont',
      'events',
      'outOfOrderGroup',
      'proportions.person',
      'rate',
    ]);
  });

  test('refuses a rate that changes before one event has come', () => {
    const rate = { first: 1, next: 2, per: 'minute', period: '10s' };
    const checked = nexmarkConnector.source!({ rate });
    expect(checked).toMatchObject({ ok: false, findings: [{ path: ['rate', 'period'] }] });
  });

  test('refuses a split of another connector', async () => {
    const source = nexmarkSource({});
    const split = { id: 'a.txt', spec: { path: 'a.txt' }, position: undefined };
    await expect(openSplits(source, [split])).rejects.toMatchObject({ code: 'CONNECTOR_OPTION' });
  });
});
