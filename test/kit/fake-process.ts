import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { keyBytesOf } from '../../host/abi/key-bytes.ts';
import { decodeObject, encodeObject, type RowObject } from '../../host/abi/row-object.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { FunctionDescription } from '../../host/model/module-description.ts';
import type { ProcessDescription, ProcessKind } from '../../host/model/process-description.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import {
  DELETE_EVENT_TIMER,
  DELETE_PROCESSING_TIMER,
  type ProcessCall,
  type ProcessResult,
  SET_EVENT_TIMER,
  SET_PROCESSING_TIMER,
  TIMER_OPERATION_BYTES,
} from '../../host/sandbox/process-call.ts';
import type { FakeGuest, Fields } from './fake-sandbox.ts';
import { keyOf, rowsOf, viewOf } from './keyed-rows.ts';

type Value = RowObject[string];

/** A process function as TypeScript on decoded records. */
export interface FakeProcess {
  readonly kind: ProcessKind;
  process(record: RowObject, context: FakeContext): void;
  /** For records of the second input. */
  second?(record: RowObject, context: FakeContext): void;
  onTimer?(timeMs: number, key: RowObject, context: FakeContext): void;
}

/** What a fake function sees of one record or timer. */
export interface FakeContext {
  readonly guest: FakeGuest;
  readonly timestamp: bigint;
  readonly watermarkMs: number;
  readonly nowMs: number;
  readonly isProcessingTime: boolean;
  emit(fields: Fields): void;
  side(name: string, fields: Fields): void;
  /** A value or list state: null or [] when there is none. */
  get(state: string): Value;
  set(state: string, value: Value): void;
  map(state: string): FakeMap;
  setTimer(timeMs: number): void;
  deleteTimer(timeMs: number): void;
  setProcessingTimer(timeMs: number): void;
  deleteProcessingTimer(timeMs: number): void;
  add(counter: string, by: number): void;
  gauge(name: string, value: number): void;
}

export interface FakeMap {
  get(key: Value): Value | undefined;
  set(key: Value, value: Value): void;
  delete(key: Value): void;
  /** In order of their making. */
  entries(): [Value, Value][];
}

export interface ProcessTools {
  readonly guest: FakeGuest;
  burnRow(): void;
  answer(out: BatchBuilder): Batch;
}

/** Runs one call as a guest would. */
export function runFakeProcess(
  fake: FunctionDescription,
  body: FakeProcess,
  call: ProcessCall,
  tools: ProcessTools,
): ProcessResult {
  return new ProcessRun(fake, call, tools).run(body);
}

interface Written {
  readonly key: Value;
  readonly value: Value | null;
  /** It was removed in this call: if it is there again, then at the end. */
  readonly anew: boolean;
}

class ProcessRun {
  readonly #fake: FunctionDescription;
  readonly #process: ProcessDescription;
  readonly #call: ProcessCall;
  readonly #tools: ProcessTools;
  readonly #out = new BatchBuilder(1024);
  readonly #sides: BatchBuilder[];
  readonly #timers: [ordinal: number, operation: number, timeMs: number][] = [];
  readonly #states = new Map<number, RowObject>();
  readonly #touched = new Set<number>();
  /** By map and ordinal: entries written, by their key as text. */
  readonly #written = new Map<string, Map<string, Written>>();
  /** By map: what was written, in order. */
  readonly #log: {
    readonly ordinal: number;
    readonly key: Value;
    readonly value: Value | null;
  }[][];
  readonly #metrics: Float64Array;
  #ordinal = 0;
  #time = 0n;

  constructor(fake: FunctionDescription, call: ProcessCall, tools: ProcessTools) {
    const { process } = fake;
    if (process === undefined) throw new Error(`function "${fake.name}" is no process function`);
    this.#fake = fake;
    this.#process = process;
    this.#call = call;
    this.#tools = tools;
    this.#log = process.maps.map(() => []);
    this.#sides = process.sides.map(() => new BatchBuilder(64));
    this.#metrics = Float64Array.from(process.metrics, ({ kind }) =>
      kind === 'counter' ? 0 : Number.NaN,
    );
    for (const row of rowsOf(call.states)) {
      this.#states.set(viewOf(row).getUint32(4, true), decodeObject(this.#state(), row, 0));
    }
  }

  run(body: FakeProcess): ProcessResult {
    const { source, rows, keys } = this.#call;
    const second = source === 'second';
    const record = second ? this.#process.second : this.#fake.input;
    if (record === undefined) throw new Error('rows of an input that the function has not');
    const broadcast = second && body.kind === 'broadcastProcess';
    for (const row of rowsOf(rows)) {
      this.#tools.burnRow();
      this.#ordinal = viewOf(row).getUint32(4, true);
      if (!broadcast && this.#ordinal >= keys) throw new Error(`ordinal ${this.#ordinal}`);
      this.#time = viewOf(row).getBigInt64(8, true);
      const object = decodeObject(record, row, 0);
      const context = this.#context();
      if (second) body.second?.(object, context);
      else if (source === 'first') body.process(object, context);
      else body.onTimer?.(Number(this.#time), object, context);
    }
    return this.#result();
  }

  #context(): FakeContext {
    const { watermarkMs, nowMs, source } = this.#call;
    const timer = (operation: number) => (timeMs: number) => {
      this.#timers.push([this.#ordinal, operation, timeMs]);
    };
    const metric = (name: string) => this.#process.metrics.findIndex((one) => one.name === name);
    return {
      ...{ guest: this.#tools.guest, timestamp: this.#time, watermarkMs, nowMs },
      isProcessingTime: source === 'processingTimers',
      emit: (fields) => encodeObject(this.#fake.output, { ...fields }, this.#out, this.#time),
      side: (name, fields) => {
        const i = this.#process.sides.findIndex((side) => side.name === name);
        encodeObject(this.#process.sides[i].record, { ...fields }, this.#sides[i], this.#time);
      },
      get: (state) => this.#current()[state],
      set: (state, value) => {
        this.#states.set(this.#ordinal, {
          ...this.#current(),
          ...{ [state]: value, [`${state}-at`]: BigInt(nowMs) },
        });
        this.#touched.add(this.#ordinal);
      },
      map: (state) => this.#map(state),
      setTimer: timer(SET_EVENT_TIMER),
      deleteTimer: timer(DELETE_EVENT_TIMER),
      setProcessingTimer: timer(SET_PROCESSING_TIMER),
      deleteProcessingTimer: timer(DELETE_PROCESSING_TIMER),
      add: (name, by) => {
        this.#metrics[metric(name)] += by;
      },
      gauge: (name, value) => {
        this.#metrics[metric(name)] = value;
      },
    };
  }

  #state(): RecordSchema {
    if (this.#fake.state === undefined) throw new Error('the function has no states in a row');
    return this.#fake.state;
  }

  #current(): RowObject {
    const found = this.#states.get(this.#ordinal);
    if (found !== undefined) return found;
    const fields = this.#state().fields.map(({ name, type }): [string, Value] => {
      if (type.kind === 'timestamp') return [name, 0n];
      return [name, type.kind === 'list' ? [] : null];
    });
    return Object.fromEntries(fields);
  }

  #map(state: string): FakeMap {
    const index = this.#process.maps.findIndex((map) => map.name === state);
    const { entry, broadcast } = this.#process.maps[index];
    const ordinal = broadcast ? 0 : this.#ordinal;
    const place = `${index} ${ordinal}`;
    const written = this.#written.get(place) ?? new Map<string, Written>();
    this.#written.set(place, written);
    const spec = keyOf(entry, 'key');
    const bytesOf = (key: Value) => {
      const out = new BatchBuilder(64);
      encodeObject(entry, { key, value: null }, out);
      return keyBytesOf(viewOf(out.batch().bytes), 0, spec);
    };
    const textOf = (key: Value) => Buffer.from(bytesOf(key)).toString('hex');
    const { maps } = this.#call;
    const decoded = (row: Uint8Array) => decodeObject(entry, row.slice(), 0);
    return {
      get(key) {
        const own = written.get(textOf(key));
        if (own !== undefined) return own.value ?? undefined;
        const row = maps.get(index, ordinal, bytesOf(key));
        return row === undefined ? undefined : decoded(row).value;
      },
      set: (key, value) => {
        const before = written.get(textOf(key));
        const anew = before?.anew ?? false;
        if (before?.value === null) written.delete(textOf(key));
        written.set(textOf(key), { key, value, anew });
        this.#log[index].push({ ordinal, key, value });
      },
      delete: (key) => {
        written.delete(textOf(key));
        written.set(textOf(key), { key, value: null, anew: true });
        this.#log[index].push({ ordinal, key, value: null });
      },
      entries() {
        const all: [Value, Value][] = [];
        const seen = new Set<string>();
        let row = maps.next(index, ordinal, undefined);
        while (row !== undefined) {
          const { key, value } = decoded(row);
          seen.add(textOf(key));
          const own = written.get(textOf(key));
          if (own?.anew !== true) all.push([key, own?.value ?? value]);
          row = maps.next(index, ordinal, bytesOf(key));
        }
        for (const [text, { key, value, anew }] of written) {
          if (value !== null && (anew || !seen.has(text))) all.push([key, value]);
        }
        return all;
      },
    };
  }

  #result(): ProcessResult {
    const states = new BatchBuilder(64);
    for (const ordinal of this.#touched) {
      const at = states.length;
      encodeObject(this.#state(), this.#states.get(ordinal) ?? {}, states);
      states.view.setUint32(at + 4, ordinal, true);
    }
    const timers = new Uint8Array(this.#timers.length * TIMER_OPERATION_BYTES);
    for (const [i, [ordinal, operation, timeMs]] of this.#timers.entries()) {
      const at = i * TIMER_OPERATION_BYTES;
      viewOf(timers).setUint32(at, ordinal, true);
      viewOf(timers).setUint32(at + 4, operation, true);
      viewOf(timers).setBigInt64(at + 8, BigInt(timeMs), true);
    }
    const maps = this.#process.maps.map(({ entry }, index) => {
      const rows = new BatchBuilder(64);
      for (const { ordinal, key, value } of this.#log[index]) {
        const at = rows.length;
        encodeObject(entry, { key, value }, rows);
        rows.view.setUint32(at + 4, ordinal, true);
      }
      return this.#tools.answer(rows);
    });
    return {
      output: this.#tools.answer(this.#out),
      states: this.#tools.answer(states),
      sides: this.#sides.map((side) => this.#tools.answer(side)),
      ...{ timers, maps, metrics: this.#metrics },
    };
  }
}
