/**
 * How much more does a sliding window of 60 s every second cost than a tumbling one of 60 s?
 *
 * A sum over 100,000 keys, uniformly random, at so many records a second of event time: a turn is a minute, in which the tumbling window
 * fires once and the sliding one sixty times, each time for all keys. Rows of 32 bytes with their hashes, in batches of 2,048, into the
 * step and its results out of it, the guest in its sandbox included. Not measured here: hashing, sources, channels, checkpoints, late records.
 * The more records a key has in a second, the less the slides weigh.
 */
import { join } from 'node:path';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { createRowKernel } from '../host/abi/create-row-kernel.ts';
import { createOperator } from '../host/dataflow/create-operator.ts';
import type { Operator } from '../host/dataflow/operator.ts';
import type { WindowedSpec } from '../host/dataflow/window-spec.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../host/limits.ts';
import type { Batch } from '../host/model/batch.ts';
import type { KeySpec } from '../host/model/key-spec.ts';
import { createSandbox } from '../host/sandbox/create-sandbox.ts';
import { createStateTable } from '../host/state/create-state-table.ts';
import { type Candidate, compare, randomBelow, readOptions, report } from './kit.ts';

const ROW_BYTES = 32;
const BATCH_ROWS = 2_048;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const KEY: KeySpec = {
  fields: [{ name: 'key', index: 0, kind: 'i64', optional: false }],
  slots: 2,
};

const options = readOptions();
const KEYS = options.quick ? 500 : 100_000;
const RATES = options.quick ? [2_000] : [500_000, 1_000_000];
const kernel = createRowKernel();
const sandbox = createSandbox();
const path = join(import.meta.dirname, 'guests', 'sums.ts');
const module = await sandbox.compile((await compileAssemblyScript({ path })).wasm);
const [sum] = module.description.functions.filter(({ name }) => name === 'sum');

/** The records of a second, hashed; their times are written anew for each. */
class Second {
  readonly #bytes: Uint8Array;
  readonly #original: Uint8Array;
  readonly #view: DataView;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
    this.#bytes = new Uint8Array(count * ROW_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    const random = randomBelow(KEYS);
    for (let at = 0; at < this.#bytes.length; at += ROW_BYTES) {
      this.#view.setUint32(at, ROW_BYTES, true);
      this.#view.setUint32(at + 16, random(), true);
      this.#view.setUint32(at + 24, 1, true);
    }
    kernel.hashKeys({ bytes: this.#bytes, count }, KEY);
    this.#original = this.#bytes.slice();
  }

  /** Hands the records to `take` as those of the second that begins at `fromMs`. */
  feed(fromMs: number, take: (batch: Batch) => void): void {
    this.#bytes.set(this.#original);
    for (let row = 0; row < this.#count; row++) {
      const timeMs = fromMs + Math.floor((row * SECOND_MS) / this.#count);
      this.#view.setUint32(row * ROW_BYTES + 8, timeMs, true);
    }
    for (let row = 0; row < this.#count; row += BATCH_ROWS) {
      const count = Math.min(BATCH_ROWS, this.#count - row);
      const at = row * ROW_BYTES;
      take({ bytes: this.#bytes.subarray(at, at + count * ROW_BYTES), count });
    }
  }
}

function operatorOf(everyMs: number): Operator {
  const spec: WindowedSpec = {
    kind: 'windowed',
    id: 'sums',
    function: { module: 'sums', name: sum.name, kind: sum.kind },
    input: sum.input,
    state: sum.state ?? sum.input,
    output: sum.output,
    key: KEY,
    window: { kind: 'aligned', sizeMs: MINUTE_MS, everyMs, offsetMs: 0, time: 'event' },
    trigger: undefined,
    allowedLatenessMs: 0,
    lateRead: false,
    stamps: { startIndex: undefined, endIndex: undefined },
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    onError: { retries: 0, backoffMs: 0, then: 'fail' },
    limits: {
      fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
      memoryPages: MEMORY_PAGES_MAX,
      outputBytes: OUTPUT_BYTES_MAX,
    },
  };
  const context = {
    task: 0,
    keyGroups: 128,
    range: { start: 0, end: 128 },
    hashed: true,
    log: () => {},
    deadLetter: () => {},
  };
  return createOperator(spec, { context, sandbox, module, kernel, createStateTable });
}

/** A minute of event time per turn, the operator as the turn before left it. Nanoseconds a record. */
function candidateOf(name: string, everyMs: number, second: Second, rate: number): Candidate {
  const operator = operatorOf(everyMs);
  let results = 0;
  const out = {
    batch(batch: Batch) {
      results += batch.count;
    },
    side() {},
  };
  let nowMs = 0;
  return {
    name,
    turn() {
      let spent = 0n;
      const endMs = nowMs + MINUTE_MS;
      for (; nowMs < endMs; nowMs += SECOND_MS) {
        second.feed(nowMs, (batch) => {
          const before = process.hrtime.bigint();
          operator.onBatch(batch, out);
          spent += process.hrtime.bigint() - before;
        });
        const before = process.hrtime.bigint();
        operator.onWatermark(nowMs + SECOND_MS - 1, out);
        spent += process.hrtime.bigint() - before;
      }
      if (results === 0) throw new Error(`${name} yielded nothing`);
      return Number(spent) / (60 * rate);
    },
  };
}

const lines = RATES.map((rate) => {
  const second = new Second(rate);
  const results = compare([
    candidateOf('tumbling 60 s', MINUTE_MS, second, rate),
    candidateOf('sliding 60 s every 1 s', SECOND_MS, second, rate),
  ]);
  const [tumbling, sliding] = results;
  return {
    'records a second': rate,
    'tumbling, ns a record': tumbling.median,
    'sliding, ns a record': sliding.median,
    'sliding ÷ tumbling': sliding.median / tumbling.median,
  };
});
report(`windows over ${KEYS} keys`, lines, options);
