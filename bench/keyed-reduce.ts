/**
 * What does a keyed sum cost a record, from rows in memory to states in the table?
 *
 * `reduce` by an 8-byte key over 10, 1,000, 100,000 and 1,000,000 keys (K1 to K4), uniformly random, every key there already: the
 * whole step as a job runs it (hash, find the state, a metered guest call a batch, checks, store) on rows of 32 bytes in batches
 * of 2,048. Beside it a hash table in C that updates in place (`native/state.c`), and plain Node: objects that are there already
 * and a Map of sums.
 *
 * Not measured here: sources, channels, checkpoints, what is emitted. Skewed keys are kinder to caches.
 */
import { join } from 'node:path';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { createRowKernel } from '../host/abi/create-row-kernel.ts';
import { createOperator } from '../host/dataflow/create-operator.ts';
import type { Operator, OperatorContext } from '../host/dataflow/operator.ts';
import type { KeyedSpec } from '../host/dataflow/plan.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../host/limits.ts';
import type { Batch } from '../host/model/batch.ts';
import { createSandbox } from '../host/sandbox/create-sandbox.ts';
import { createStateTable } from '../host/state/create-state-table.ts';
import {
  type Candidate,
  compare,
  compileC,
  type Line,
  nanosecondsPer,
  randomBelow,
  readOptions,
  report,
  runNative,
} from './kit.ts';
import { saleBatches } from './sale-rows.ts';

const KEY_GROUPS = 128;
const LIMITS = {
  fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
  memoryPages: MEMORY_PAGES_MAX,
  outputBytes: OUTPUT_BYTES_MAX,
};

const options = readOptions();
const sandbox = createSandbox();
const { wasm } = await compileAssemblyScript({
  path: join(import.meta.dirname, 'guests', 'sums.ts'),
});
const module = await sandbox.compile(wasm);
const [sale] = module.description.records;

function createReduce(): Operator {
  const spec: KeyedSpec = {
    kind: 'keyed',
    id: 'sums',
    function: { module: 'sums', name: 'sum', kind: 'reduce' },
    input: sale,
    state: sale,
    output: sale,
    key: { fields: [{ name: 'item', index: 0, kind: 'i64', optional: false }], slots: 2 },
    emit: 'end',
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    onError: { retries: 0, backoffMs: 0, then: 'fail' },
    limits: LIMITS,
  };
  const context: OperatorContext = {
    task: 0,
    keyGroups: KEY_GROUPS,
    range: { start: 0, end: KEY_GROUPS },
    hashed: false,
    log() {},
    deadLetter() {},
  };
  const kernel = createRowKernel();
  return createOperator(spec, { context, sandbox, module, kernel, createStateTable });
}

const NO_OUTPUT = { batch() {}, side() {} };

function millrace(keys: number, batches: readonly Batch[], count: number): Candidate {
  const operator = createReduce();
  for (const batch of saleBatches(keys, (row) => row)) operator.onBatch(batch, NO_OUTPUT);
  return {
    name: 'Millrace',
    turn: () =>
      nanosecondsPer(count, () => {
        for (const batch of batches) operator.onBatch(batch, NO_OUTPUT);
      }),
  };
}

function plain(keys: number, items: readonly number[]): Candidate {
  const sales = items.map((item, i) => ({ item, amount: i }));
  const sums = new Map<number, { item: number; amount: number }>();
  for (let item = 0; item < keys; item++) sums.set(item, { item, amount: 0 });
  const add = (a: { item: number; amount: number }, b: { item: number; amount: number }) => {
    a.amount += b.amount;
    return a;
  };
  return {
    name: 'plain Node',
    turn: () =>
      nanosecondsPer(sales.length, () => {
        for (const one of sales) {
          const before = sums.get(one.item);
          sums.set(one.item, before === undefined ? one : add(before, one));
        }
      }),
  };
}

const native = compileC('state');
if ('missing' in native) console.error(`without the C table: ${native.missing}`);

function measure(keys: number): Line {
  const count = options.quick ? 8_192 : 1 << 21;
  const random = randomBelow(keys);
  const items = Array.from({ length: count }, random);
  const candidates = [
    millrace(
      keys,
      saleBatches(count, (row) => items[row]),
      count,
    ),
    plain(keys, items),
  ];
  if ('path' in native) {
    candidates.push({ name: 'C', turn: () => runNative(native, [keys, count]) });
  }
  const results = compare(candidates);
  const of = (name: string) => results.find((one) => one.name === name)?.median ?? null;
  const ns = of('Millrace') as number;
  const inC = of('C');
  return {
    keys,
    ...Object.fromEntries(results.map((one) => [`${one.name}, ns`, one.median])),
    'M records/s': 1_000 / ns,
    '÷ C': inC === null ? null : ns / inC,
    'plain Node ÷ Millrace': (of('plain Node') as number) / ns,
  };
}

const sizes = options.quick ? [10, 1_000] : [10, 1_000, 100_000, 1_000_000];
report('keyed reduce: a sum by key, ns a record', sizes.map(measure), options);
