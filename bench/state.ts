/**
 * What does an update of keyed state cost, and what do snapshots and growth of a large table?
 *
 * Update: 8-byte keys, 16-byte states, uniformly random keys that all have a state; rows of 32 bytes in batches of 2,048; `resolve`
 * and `apply` of the same states; once with rows that are hashed already and copied back, once hashing them and on views. Not measured
 * here: the guest's work on the states, skewed keys, which are kinder to caches. The C table (`native/state.c`) hashes and
 * updates in one loop.
 */
import { BatchBuilder } from '../host/abi/batch-builder.ts';
import { createRowKernel } from '../host/abi/create-row-kernel.ts';
import type { Batch } from '../host/model/batch.ts';
import type { KeySpec } from '../host/model/key-spec.ts';
import { createEngineStateTable } from '../host/state/engine-state-table.ts';
import { createMapStateTable } from '../host/state/map-state-table.ts';
import type { CreateStateTable, StateTable } from '../host/state/state-table.ts';
import {
  type Candidate,
  compare,
  compileC,
  type Line,
  median,
  nanosecondsPer,
  randomBelow,
  readOptions,
  report,
  runNative,
  TURNS_MIN,
} from './kit.ts';

const ROW_BYTES = 32;
const BATCH_ROWS = 2_048;
const KEY: KeySpec = { fields: [{ name: 'k', index: 0, kind: 'i64', optional: false }], slots: 2 };
const RANGE = { start: 0, end: 128 };

const options = readOptions();
const kernel = createRowKernel();

/** Rows of a key and a value, hashed, in batches that share one buffer. */
class Rows {
  readonly batches: readonly Batch[];
  readonly #bytes: Uint8Array;
  readonly #original: Uint8Array;

  constructor(count: number, keyOf: (row: number) => number) {
    this.#bytes = new Uint8Array(count * ROW_BYTES);
    const view = new DataView(this.#bytes.buffer);
    for (let row = 0; row < count; row++) {
      view.setUint32(row * ROW_BYTES, ROW_BYTES, true);
      view.setUint32(row * ROW_BYTES + 16, keyOf(row), true);
      view.setUint32(row * ROW_BYTES + 24, row, true);
    }
    this.batches = Array.from({ length: Math.ceil(count / BATCH_ROWS) }, (_, i) => {
      const rows = Math.min(BATCH_ROWS, count - i * BATCH_ROWS);
      const at = i * BATCH_ROWS * ROW_BYTES;
      return { bytes: this.#bytes.subarray(at, at + rows * ROW_BYTES), count: rows };
    });
    for (const batch of this.batches) kernel.hashKeys(batch, KEY);
    this.#original = this.#bytes.slice();
  }

  /** Puts the hashes back that `resolve` replaced by ordinals. */
  reset(): void {
    this.#bytes.set(this.#original);
  }
}

function createTable(create: CreateStateTable): StateTable {
  return create({ keyGroups: 128, range: RANGE, bytesMax: 2 ** 32 });
}

/** Gives each key of the batch a state: for a new key, a row of the batch itself. Returns ms. */
function insert(table: StateTable, batch: Batch): number {
  const start = performance.now();
  table.resolve(batch, KEY, new BatchBuilder(64));
  table.apply(batch);
  return performance.now() - start;
}

function filled(create: CreateStateTable, keys: number): StateTable {
  const table = createTable(create);
  for (const batch of new Rows(keys, (row) => row).batches) insert(table, batch);
  return table;
}

function updates(name: string, table: StateTable, rows: Rows): Candidate {
  const states = new BatchBuilder(BATCH_ROWS * ROW_BYTES);
  const count = rows.batches.reduce((sum, batch) => sum + batch.count, 0);
  return {
    name,
    turn() {
      rows.reset();
      return nanosecondsPer(count, () => {
        for (const batch of rows.batches) {
          states.clear();
          table.resolve(batch, KEY, states);
          table.apply(states.batch());
        }
      });
    },
  };
}

/** As a step does it whose only task gets all rows: they come without hashes and stay as they are. */
function hashingUpdates(table: StateTable, rows: Rows): Candidate {
  const count = rows.batches.reduce((sum, batch) => sum + batch.count, 0);
  return {
    name: 'engine, hashing, on views',
    turn: () =>
      nanosecondsPer(count, () => {
        for (const batch of rows.batches) {
          // What a guest hands back is in memory of its own.
          table.apply(copy(table.view(batch, KEY, false).states));
        }
      }),
  };
}

const copied = new BatchBuilder(BATCH_ROWS * ROW_BYTES);

function copy(batch: Batch): Batch {
  copied.clear();
  copied.append(batch);
  return copied.batch();
}

function updateLines(keys: number): Line[] {
  const count = options.quick ? 4_096 : 1 << 20;
  const random = randomBelow(keys);
  const rows = new Rows(count, random);
  const engine = filled(createEngineStateTable, keys);
  const few = new Rows(Math.min(count, 1 << 16), random);
  const candidates = [
    updates('engine', engine, rows),
    hashingUpdates(engine, rows),
    updates('Map', filled(createMapStateTable, keys), few),
  ];
  const native = compileC('state');
  if ('path' in native) {
    candidates.unshift({ name: 'C', turn: () => runNative(native, [keys, count]) });
  } else {
    console.error(`without the C table: ${native.missing}`);
  }
  const results = new Map(compare(candidates).map((result) => [result.name, result.median]));
  const base = results.get('C');
  return [...results].map(([name, ns]) => ({
    keys,
    table: name,
    'ns/update': ns,
    'ratio to C': base === undefined ? null : ns / base,
  }));
}

function kernelLines(): Line[] {
  const rows = new Rows(options.quick ? 4_096 : 1 << 18, (row) => row * 7);
  const count = rows.batches.reduce((sum, batch) => sum + batch.count, 0);
  const targets = [new BatchBuilder(1 << 17), new BatchBuilder(1 << 17)];
  const each = (work: (batch: Batch) => void): number =>
    nanosecondsPer(count, () => {
      for (const batch of rows.batches) {
        for (const target of targets) target.clear();
        work(batch);
      }
    });
  const candidates: Candidate[] = [
    { name: 'hashKeys', turn: () => each((batch) => kernel.hashKeys(batch, KEY)) },
    { name: 'partition', turn: () => each((batch) => kernel.partition(batch, 128, targets)) },
    {
      name: 'partitionByKey',
      turn: () => each((batch) => kernel.partitionByKey(batch, KEY, 128, targets)),
    },
    { name: 'maxEventTime', turn: () => each((batch) => kernel.maxEventTime(batch)) },
  ];
  return compare(candidates).map(({ name, median: ns }) => ({ 'row kernel': name, 'ns/row': ns }));
}

function largeLines(keys: number): Line[] {
  const table = filled(createEngineStateTable, keys);
  const times: Record<string, number[]> = {
    snapshot: [],
    restore: [],
    fill: [],
    'longest batch while filling': [],
  };
  // Of each batch the least of all turns, which leaves what growing costs and not what else the machine did.
  const least: number[] = [];
  for (let turn = 0; turn < TURNS_MIN; turn++) {
    const start = performance.now();
    const snapshot = table.snapshot();
    const between = performance.now();
    const copy = createTable(createEngineStateTable);
    copy.restore(snapshot, RANGE);
    times.restore.push(performance.now() - between);
    times.snapshot.push(between - start);
    const grown = createTable(createEngineStateTable);
    const pauses = new Rows(keys, (row) => row).batches.map((batch) => insert(grown, batch));
    times.fill.push(pauses.reduce((sum, pause) => sum + pause, 0));
    for (const [i, pause] of pauses.entries()) least[i] = Math.min(pause, least[i] ?? pause);
  }
  times['longest batch while filling'].push(Math.max(...least));
  return Object.entries(times).map(([name, values]) => ({ keys, what: name, ms: median(values) }));
}

const sizes = options.quick ? [10, 1_000] : [10, 1_000, 100_000, 1_000_000];
report('state: update (resolve + apply)', sizes.flatMap(updateLines), options);
report('state: hash and deal rows of 32 bytes', kernelLines(), options);
report('state: large table', largeLines(options.quick ? 2_000 : 1_000_000), options);
