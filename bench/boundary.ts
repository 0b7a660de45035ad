/**
 * What does it cost to let a sandboxed function see a record?
 *
 * Identity, filter (1 in 123 passes) and map (one field changed) on rows of 104 bytes, one guest call a batch, through the whole
 * sandbox: gate, fuel, copy-in, checks of everything that comes back. Beside it the same loops in C, with and without
 * copying the batch in, and in JavaScript: objects that are there already, and objects that are decoded from rows and
 * encoded again, which is what a function on objects costs a stream engine.
 *
 * Not measured here: sources, sinks, channels, strings that are decoded, guests that do real work. Many calls of one function
 * on one batch are kinder to caches than a pipeline is.
 */
import { join } from 'node:path';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { BatchBuilder } from '../host/abi/batch-builder.ts';
import { encodeObject } from '../host/abi/row-object.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../host/limits.ts';
import type { Batch } from '../host/model/batch.ts';
import type { RecordSchema } from '../host/model/schema.ts';
import { createSandbox } from '../host/sandbox/create-sandbox.ts';
import type { GuestInstance } from '../host/sandbox/guest.ts';
import {
  type Candidate,
  compare,
  compileC,
  nanosecondsPer,
  readOptions,
  report,
  runNative,
} from './kit.ts';
import { type Bid, decodeBids, encodeBids } from './plain/bids.ts';

const ROW_BYTES = 104;
const LOOPS = ['identity', 'filter', 'map'] as const;
type Loop = (typeof LOOPS)[number];

/** What the loops are called in `guests/bids.ts`. */
const GUEST_FUNCTIONS = { identity: 'identity', filter: 'everyHundredth', map: 'convert' } as const;

/** The same on objects. `undefined` = dropped. */
const CLOSURES: Record<Loop, (bid: Bid) => Bid | undefined> = {
  identity: (bid) => bid,
  filter: (bid) => (bid.auction % 123 === 0 ? bid : undefined),
  map: (bid) => ({ ...bid, price: Math.trunc((bid.price * 908) / 1000) }),
};

const options = readOptions();
const native = compileC('boundary', '-O2');

function bidRows(schema: RecordSchema, count: number): Batch {
  const rows = new BatchBuilder();
  for (let row = 0; row < count; row++) {
    const bid = {
      auction: BigInt((row * 7919) % 10_000),
      bidder: BigInt(row),
      price: BigInt(row * 13),
      channel: `channel-${row % 10}`,
      extra: 'x'.repeat(34),
    };
    encodeObject(schema, bid, rows, row);
  }
  return rows.batch();
}

function measure(rows: number, repeats: number, work: () => void): number {
  return nanosecondsPer(rows * repeats, () => {
    for (let i = 0; i < repeats; i++) work();
  });
}

function candidatesOf(
  loop: Loop,
  instance: GuestInstance,
  batch: Batch,
  repeats: number,
): Candidate[] {
  const rows = batch.count;
  const objects = decodeBids(batch);
  const closure = CLOSURES[loop];
  const encoded = new BatchBuilder();
  const plain: Candidate[] = [
    {
      name: 'guest',
      turn: () => measure(rows, repeats, () => instance.run(GUEST_FUNCTIONS[loop], batch)),
    },
    { name: 'objects', turn: () => measure(rows, repeats, () => applyTo(objects, closure)) },
    {
      name: 'objects, decoded and encoded',
      turn: () =>
        measure(rows, Math.ceil(repeats / 10), () =>
          encodeBids(applyTo(decodeBids(batch), closure), encoded),
        ),
    },
  ];
  if ('missing' in native) return plain;
  const which = LOOPS.indexOf(loop);
  const inC = (copyIn: number) => runNative(native, [which, copyIn, rows, ROW_BYTES, repeats]);
  return [
    { name: 'C', turn: () => inC(0) },
    { name: 'C with copy-in', turn: () => inC(1) },
    ...plain,
  ];
}

function applyTo(bids: readonly Bid[], closure: (bid: Bid) => Bid | undefined): Bid[] {
  const out: Bid[] = [];
  for (const bid of bids) {
    const result = closure(bid);
    if (result !== undefined) out.push(result);
  }
  return out;
}

const { wasm } = await compileAssemblyScript({
  path: join(import.meta.dirname, 'guests', 'bids.ts'),
});
const sandbox = createSandbox();
const module = await sandbox.compile(wasm);
const limits = {
  fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
  memoryPages: MEMORY_PAGES_MAX,
  outputBytes: OUTPUT_BYTES_MAX,
};
if ('missing' in native) console.error(`no C baseline: ${native.missing}`);
for (const loop of LOOPS) {
  const lines = [];
  for (const rows of options.quick ? [64] : [1, 64, 640, 4_096]) {
    const instance = sandbox.instantiate(module, limits, () => {});
    const batch = bidRows(module.description.records[0], rows);
    const repeats = options.quick ? 10 : Math.ceil(2_000_000 / rows);
    const results = compare(candidatesOf(loop, instance, batch, repeats));
    const of = (name: string) => results.find((result) => result.name === name)?.median;
    const guest = of('guest') as number;
    lines.push({
      'rows a batch': rows,
      ...Object.fromEntries(results.map(({ name, median }) => [`${name}, ns`, median])),
      'guest ÷ C with copy-in': guest / (of('C with copy-in') ?? Number.NaN),
      'decoded objects ÷ guest': (of('objects, decoded and encoded') as number) / guest,
    });
  }
  report(`${loop}, ns a record of ${ROW_BYTES} bytes`, lines, options);
}
