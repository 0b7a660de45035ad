import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import {
  AUCTION_SCHEMA,
  BID_SCHEMA,
  EVENT_SCHEMA,
  PERSON_SCHEMA,
} from '../../host/connectors/nexmark/schemas.ts';
import { readPipeline } from '../../host/dataflow/pipeline.ts';
import { formatRecord } from '../../host/model/schema.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { loadEvents } from './load-events.ts';
import { beamQueries } from './oracle/beam.ts';
import { flinkQueries } from './oracle/flink.ts';
import { type Events, type Query, type Row, sortedLines } from './oracle/model.ts';

const FOLDER = join(import.meta.dirname, '../../udfs/nexmark');
const MODULES = ['nexmark', 'reports', 'joins', 'windows'];
/** Its windows are of the clock: what they are follows from no events. */
const BY_THE_CLOCK = 'q12';

/** Beam's q0 in the shape of the events themselves. */
const allEvents: Query = ({ persons, auctions, bids }) => {
  const none = { person: null, auction: null, bid: null };
  const events = [
    ...persons.map((person) => ({ kind: 0, dateTime: person.dateTime, ...none, person })),
    ...auctions.map((auction) => ({ kind: 1, dateTime: auction.dateTime, ...none, auction })),
    ...bids.map((bid) => ({ kind: 2, dateTime: bid.dateTime, ...none, bid })),
  ];
  return events as unknown as readonly Row[];
};

const QUERIES: { readonly [pipeline: string]: Query } = {
  'q0-beam': allEvents,
  q0: flinkQueries.q0,
  'q1-beam': beamQueries.q1,
  q1: flinkQueries.q1,
  q2: flinkQueries.q2,
  q3: flinkQueries.q3,
  q4: flinkQueries.q4,
  'q4-beam': beamQueries.q4,
  q5: flinkQueries.q5,
  'q5-beam': beamQueries.q5,
  q6: flinkQueries.q6,
  'q6-beam': beamQueries.q6,
  q7: flinkQueries.q7,
  'q7-beam': beamQueries.q7,
  q8: flinkQueries.q8,
  'q8-beam': beamQueries.q8,
  q9: flinkQueries.q9,
  'q9-beam': beamQueries.q9,
  q10: flinkQueries.q10,
  q11: flinkQueries.q11,
  'q11-beam': beamQueries.q11,
  q13: flinkQueries.q13,
  q14: flinkQueries.q14,
  q15: flinkQueries.q15,
  q16: flinkQueries.q16,
  q17: flinkQueries.q17,
  q18: flinkQueries.q18,
  q19: flinkQueries.q19,
  q20: flinkQueries.q20,
  q21: flinkQueries.q21,
  q22: flinkQueries.q22,
};

/** The modules by alias; `nexmark` is `nexmark.ts`. */
const modules: Record<string, Uint8Array> = {};
let events: Events;
beforeAll(async () => {
  for (const name of MODULES) {
    ({ wasm: modules[name] } = await compileAssemblyScript({ path: join(FOLDER, `${name}.ts`) }));
  }
  events = await loadEvents({ count: 100_000, generators: 100 });
});

describe('the Nexmark applications', () => {
  test('declare the records that the source yields', () => {
    const { records } = gate(modules.nexmark).description;
    for (const schema of [PERSON_SCHEMA, AUCTION_SCHEMA, BID_SCHEMA, EVENT_SCHEMA]) {
      const declared = records.find((record) => record.name === schema.name);
      expect(declared && formatRecord(declared)).toBe(formatRecord(schema));
    }
  });

  test('are all held to the oracle', () => {
    const documents = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
    expect(documents.sort()).toEqual(
      [...Object.keys(QUERIES), BY_THE_CLOCK].map((name) => `${name}.yaml`).sort(),
    );
  });

  test.each(Object.entries(QUERIES))('%s equals the oracle byte for byte', async (name, query) => {
    const written = await linesOf(name);
    const answered = sortedLines(query(events));
    expect(written.length).toBe(answered.length);
    expect(written.findIndex((line, i) => line !== answered[i])).toBe(-1);
    const digest = createHash('sha256').update(written.join('\n')).digest('hex');
    const expected = JSON.parse(readFileSync(join(FOLDER, 'expected', `${name}.json`), 'utf8'));
    expect({ results: written.length, sha256: digest }).toEqual(expected);
  });
});

test('q12 counts every bid in one window of the clock', async () => {
  const lines = await linesOf(BY_THE_CLOCK);
  const totals = new Map<number, number>();
  for (const { bidder, count } of lines.map((line) => JSON.parse(line))) {
    totals.set(bidder, (totals.get(bidder) ?? 0) + count);
  }
  const expected = new Map<number, number>();
  for (const { bidder } of events.bids) expected.set(bidder, (expected.get(bidder) ?? 0) + 1);
  expect(totals).toEqual(expected);
});

/** What the pipeline writes when its sink is a folder of JSON lines, sorted. */
async function linesOf(name: string): Promise<string[]> {
  const document = readPipeline(readFileSync(join(FOLDER, `${name}.yaml`), 'utf8'));
  const out = join(temporaryDirectory(), 'out');
  const sink = { from: document.sinks.out.from, connector: 'file', path: out, format: 'json' };
  const given = Object.keys(document.modules ?? {}).map((alias) => [alias, modules[alias]]);
  await runPipeline({ ...document, sinks: { out: sink } }, { modules: Object.fromEntries(given) });
  return readdirSync(out)
    .filter((part) => part.startsWith('part-'))
    .flatMap((part) => readFileSync(join(out, part), 'utf8').trimEnd().split('\n'))
    .sort();
}
