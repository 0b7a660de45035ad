import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { checkPipeline } from '../../host/dataflow/pipeline.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { createSandbox } from '../../host/sandbox/create-sandbox.ts';
import type { GuestInstance, Sandbox } from '../../host/sandbox/guest.ts';
import { allocatedBytes } from '../kit/allocated-bytes.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const SLOW = { timeout: 120_000 };
const FEW = 200_000;
const MANY = 1_200_000;
/** An object, a BigInt or a promise takes 16 bytes at least; what a batch allocates spreads over its thousand records. */
const BYTES_PER_RECORD_MAX = 8;
/** A batch of 64 KiB has more rows than this. */
const RECORDS_PER_CALL_MIN = 200;

/** 64-bit numbers, text, a filter, a map and keyed state. */
const SOURCE = `
import { filter, map, record, reduce, Utf8 } from '@millrace/guest-sdk';
@record class Bid { auction: i64 = 0; price: f64 = 0; channel: Utf8; }
@record class Total { auction: i64 = 0; count: i64 = 1; price: f64 = 0; }
export const dear = filter((bid: Bid): bool => bid.price >= 0);
export const toTotal = map((bid: Bid): Total => {
  const total = new Total();
  total.auction = bid.auction;
  total.price = bid.price;
  return total;
});
export const sum = reduce((a: Total, b: Total): Total => {
  a.count += b.count;
  a.price += b.price;
  return a;
});
`;

let bids: Uint8Array;

beforeAll(async () => {
  bids = (await compileAssemblyScript({ source: SOURCE, name: 'bids.ts' })).wasm;
});

/** What is done to every instance that the run makes. */
type Wrap = (instance: GuestInstance) => GuestInstance;

function sandboxWith(wrap: Wrap): Sandbox {
  const sandbox = createSandbox();
  return {
    ...sandbox,
    compile: sandbox.compile.bind(sandbox),
    instantiate: (...args) => wrap(sandbox.instantiate(...args)),
  };
}

function writeBids(folder: string, count: number): void {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    lines.push(
      `{"auction":${9_007_199_254_740_993n + BigInt(i % 1_000)},"price":${i % 977},"channel":"channel-${i % 7}"}\n`,
    );
  }
  writeFileSync(join(folder, 'in.jsonl'), lines.join(''));
}

/**
 * Bids as JSON → filter → map → keyed reduce that emits every record → rows, all in this thread. Doubles are whole
 * numbers on the way in and are not printed on the way out: what JavaScript needs for their digits is decoding's and
 * encoding's own.
 */
async function run(records: number, wrap: Wrap): Promise<number> {
  const folder = temporaryDirectory();
  writeBids(folder, records);
  const document = checkPipeline({
    name: 'bids',
    modules: { bids: 'bids@1' },
    checkpoint: { every: 'off' },
    sources: { bids: { connector: 'file', path: 'in.jsonl', format: 'json' } },
    steps: {
      dear: { filter: 'bids.dear', from: 'bids' },
      totals: { map: 'bids.toTotal', from: 'dear' },
      sums: { reduce: 'bids.sum', from: 'totals', key: 'auction' },
    },
    sinks: { out: { from: 'sums', connector: 'file', path: 'out', format: 'rows' } },
  });
  return allocatedBytes(async () => {
    const { metrics } = await runPipeline(document, {
      baseDirectory: folder,
      modules: { bids },
      parts: { sandbox: sandboxWith(wrap) },
    });
    expect(metrics.operators.find((one) => one.id === 'out')?.recordsIn).toBe(records);
  });
}

/** Bytes of heap that each further record costs: what a run costs anyway is in both numbers. */
async function bytesPerRecord(wrap: Wrap): Promise<number> {
  await run(FEW, wrap);
  const few = await run(FEW, wrap);
  const many = await run(MANY, wrap);
  return (many - few) / (MANY - FEW);
}

test('no JavaScript object, promise or BigInt is made for a record', SLOW, async () => {
  const bytes = await bytesPerRecord((instance) => instance);
  expect(bytes).toBeLessThan(BYTES_PER_RECORD_MAX);
});

test('one BigInt for a record would be seen', SLOW, async () => {
  const kept: bigint[] = [0n];
  const bytes = await bytesPerRecord((instance) =>
    withCalls(instance, (_name, records) => {
      for (let i = 0; i < records; i++) kept[0] = BigInt.asIntN(64, kept[0] + 4_294_967_297n);
    }),
  );
  expect(bytes).toBeGreaterThan(BYTES_PER_RECORD_MAX);
});

test('a function is called once a batch', SLOW, async () => {
  const calls = new Map<string, number>();
  await run(FEW, (instance) =>
    withCalls(instance, (name) => calls.set(name, (calls.get(name) ?? 0) + 1)),
  );
  expect([...calls.keys()].sort()).toEqual(['dear', 'sum', 'toTotal']);
  for (const count of calls.values()) expect(FEW / count).toBeGreaterThan(RECORDS_PER_CALL_MIN);
});

/** The instance, telling of each call before it is made. */
function withCalls(
  instance: GuestInstance,
  called: (functionName: string, records: number) => void,
): GuestInstance {
  return {
    module: instance.module,
    get memoryBytes() {
      return instance.memoryBytes;
    },
    get lastFuel() {
      return instance.lastFuel;
    },
    run(name, input) {
      called(name, input.count);
      return instance.run(name, input);
    },
    runKeyed(name, call) {
      called(name, call.rows.count);
      return instance.runKeyed(name, call);
    },
    runWindows(name, call) {
      called(name, call.rows.count);
      return instance.runWindows(name, call);
    },
    runProcess(name, call) {
      called(name, call.rows.count);
      return instance.runProcess(name, call);
    },
  };
}
