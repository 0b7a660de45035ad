import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { decodeObject, encodeObject, type RowObject } from '../../host/abi/row-object.ts';
import { rowsOfPair } from '../../host/dataflow/operators/join/pair-frames.ts';
import { MillraceError } from '../../host/errors.ts';
import { FUEL_PER_CALL_MAX } from '../../host/limits.ts';
import { type Batch, EMPTY_BATCH } from '../../host/model/batch.ts';
import type { FunctionDescription } from '../../host/model/module-description.ts';
import {
  type CompiledModule,
  type GuestInstance,
  type GuestLimits,
  type GuestLog,
  type KeyedCall,
  type KeyedResult,
  type Sandbox,
  WINDOW_ENTRY_BYTES,
  type WindowsCall,
} from '../../host/sandbox/guest.ts';
import type { ProcessCall, ProcessResult } from '../../host/sandbox/process-call.ts';
import { type FakeProcess, runFakeProcess } from './fake-process.ts';
import { rowsOf, tagged, viewOf } from './keyed-rows.ts';

export type Fields = { readonly [field: string]: unknown };

/** What a fake function may do besides computing. */
export interface FakeGuest {
  /** Uses fuel; the call ends with `FUEL_EXHAUSTED` when its budget is used up. */
  burn(fuel: number): void;
  log(text: string): void;
  /** Ends the call with `GUEST_TRAP`. */
  trap(reason: string): never;
}

/** A guest function as TypeScript on decoded records. */
export type FakeBody =
  | { readonly map: (record: RowObject, guest: FakeGuest) => Fields }
  | { readonly filter: (record: RowObject, guest: FakeGuest) => boolean }
  | { readonly flatMap: (record: RowObject, guest: FakeGuest) => readonly Fields[] }
  | { readonly reduce: (state: RowObject, record: RowObject, guest: FakeGuest) => Fields }
  | {
      readonly start: Fields;
      readonly add: (state: RowObject, record: RowObject, guest: FakeGuest) => Fields;
      readonly result: (state: RowObject, guest: FakeGuest) => Fields;
      /** For steps that merge accumulators: windows. */
      readonly merge?: (a: RowObject, b: RowObject, guest: FakeGuest) => Fields;
    }
  | {
      readonly apply: (
        rows: readonly RowObject[],
        window: { readonly start: number; readonly end: number },
        guest: FakeGuest,
      ) => readonly Fields[];
    }
  | { readonly process: FakeProcess }
  | {
      /** A result per pair, or any number; a side that is missing is null. */
      readonly join: (
        left: RowObject | null,
        right: RowObject | null,
        guest: FakeGuest,
      ) => Fields | readonly Fields[];
    }
  | { readonly assignTimestamp: (record: RowObject, guest: FakeGuest) => number | bigint };

export interface FakeFunction extends Omit<FunctionDescription, 'kind'> {
  readonly body: FakeBody;
}

/** One guest call, for tests that count them. */
export interface FakeCall {
  readonly function: string;
  readonly digest: string;
  readonly rows: number;
}

/** A sandbox without WebAssembly: guests are TypeScript. It holds its callers to the contract: answers are spoilt by the next call. */
export interface FakeSandbox extends Sandbox {
  /** Every call of every instance, failed ones included. */
  readonly calls: readonly FakeCall[];
  readonly instances: number;
  module(digest: string, functions: readonly FakeFunction[]): CompiledModule;
  /** Makes the next `times` instantiations throw. */
  failInstantiation(times: number): void;
}

/** Bytes of the shortest module there is, `\0asm` and version 1: `CompiledModule` has a real one. */
const EMPTY_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
/** Every call costs this, and every row again. */
const FUEL_PER_ROW = 1;

export function createFakeSandbox(): FakeSandbox {
  const bodies = new Map<string, ReadonlyMap<string, FakeFunction>>();
  const modules = new Map<string, CompiledModule>();
  const calls: FakeCall[] = [];
  const totals = { instances: 0, failures: 0 };

  return {
    calls,
    get instances() {
      return totals.instances;
    },
    module(digest, functions) {
      bodies.set(digest, new Map(functions.map((one) => [one.name, one])));
      const description = {
        abi: 1,
        sdk: 'fake',
        records: functions.flatMap(({ input, output }) => [input, output]),
        functions: functions.map(({ body, ...rest }) => ({ ...rest, kind: kindOf(body) })),
      };
      const module = { digest, description, wasm: new WebAssembly.Module(EMPTY_MODULE) };
      modules.set(digest, module);
      return module;
    },
    async compile(upload) {
      const module = modules.get(new TextDecoder().decode(upload));
      if (module === undefined) {
        throw new MillraceError('MODULE_MALFORMED', 'the upload names no fake module');
      }
      return module;
    },
    instantiate(module, limits, log) {
      if (totals.failures > 0) {
        totals.failures -= 1;
        throw new MillraceError('GUEST_TRAP', 'the start function trapped');
      }
      totals.instances += 1;
      const functions = bodies.get(module.digest) ?? new Map();
      return new FakeInstance({ module, functions, limits, log, calls });
    },
    failInstantiation(times) {
      totals.failures = times;
    },
  };
}

function kindOf(body: FakeBody): FunctionDescription['kind'] {
  if ('start' in body) return 'aggregate';
  if ('process' in body) return body.process.kind;
  return ['map', 'filter', 'flatMap', 'reduce', 'apply', 'assignTimestamp', 'join'].find(
    (kind) => kind in body,
  ) as FunctionDescription['kind'];
}

interface FakeParts {
  readonly module: CompiledModule;
  readonly functions: ReadonlyMap<string, FakeFunction>;
  readonly limits: GuestLimits;
  readonly log: GuestLog;
  readonly calls: FakeCall[];
}

class FakeInstance implements GuestInstance {
  readonly module: CompiledModule;
  readonly memoryBytes = 65_536;
  lastFuel = 0;
  readonly #parts: FakeParts;
  #budget = 0;
  #dead = false;
  #answers: Batch[] = [];
  readonly #guest: FakeGuest;

  constructor(parts: FakeParts) {
    this.module = parts.module;
    this.#parts = parts;
    this.#guest = {
      burn: (fuel) => this.#burn(fuel),
      log: (text) => parts.log('info', text),
      trap: (reason) => {
        throw new MillraceError('GUEST_TRAP', reason);
      },
    };
  }

  run(functionName: string, input: Batch): Batch {
    return this.#call(functionName, { rows: input, states: EMPTY_BATCH }, (body) => {
      const out = this.#builder();
      for (const row of rowsOf(input)) this.#runRow(body, row, out);
      return this.#answer(out);
    });
  }

  runKeyed(functionName: string, call: KeyedCall): KeyedResult {
    return this.#call(functionName, call, (fake) => {
      const states = new Map<number, Uint8Array>();
      for (const row of rowsOf(call.states)) states.set(tagOf(row), row);
      const touched = new Set<number>();
      const out = this.#builder();
      for (const row of rowsOf(call.rows)) {
        const ordinal = tagOf(row);
        if (ordinal >= call.keys) throw new Error(`ordinal ${ordinal} of ${call.keys} keys`);
        states.set(ordinal, this.#fold(fake, states.get(ordinal), row, call.merge));
        touched.add(ordinal);
        if (call.emit === 'record') this.#result(fake, states.get(ordinal), out);
      }
      if (call.emit === 'batch') {
        for (const ordinal of [...states.keys()].sort((a, b) => a - b)) {
          this.#result(fake, states.get(ordinal), out);
        }
      }
      const changed = this.#builder();
      for (const ordinal of touched) append(changed, tagged(states.get(ordinal)!, ordinal));
      return { output: this.#answer(out), states: this.#answer(changed) };
    });
  }

  #call<T>(
    name: string,
    input: Pick<KeyedCall, 'rows' | 'states'>,
    body: (fake: FakeFunction) => T,
  ): T {
    const { calls, functions, limits, module } = this.#parts;
    if (this.#dead) throw new MillraceError('GUEST_TRAP', 'the instance is dead');
    for (const answer of this.#answers) answer.bytes.fill(0xaa);
    this.#answers = [];
    calls.push({ function: name, digest: module.digest, rows: input.rows.count });
    this.lastFuel = 0;
    this.#budget = Math.min(
      limits.fuelPerRecord * Math.max(1, input.rows.count + input.states.count),
      FUEL_PER_CALL_MAX,
    );
    try {
      const fake = functions.get(name);
      if (fake === undefined) throw new MillraceError('GUEST_TRAP', `no export "${name}"`);
      return body(fake);
    } catch (thrown) {
      this.#dead = true;
      throw thrown;
    }
  }

  #runRow(fake: FakeFunction, row: Uint8Array, out: BatchBuilder): void {
    this.#burn(FUEL_PER_ROW);
    const { body } = fake;
    const time = viewOf(row).getBigInt64(8, true);
    if ('join' in body) {
      const { left, right } = rowsOfPair({ bytes: row, count: 1 });
      const leftRecord = left === undefined ? null : decodeObject(fake.input, left.bytes, 0);
      const second = fake.join!.right;
      const rightRecord = right === undefined ? null : decodeObject(second, right.bytes, 0);
      const made = body.join(leftRecord, rightRecord, this.#guest);
      for (const one of Array.isArray(made) ? made : [made]) this.#encode(fake, one, time, out);
      this.#checkOutput(out);
      return;
    }
    const record = decodeObject(fake.input, row, 0);
    if ('map' in body) {
      this.#encode(fake, body.map(record, this.#guest), time, out);
    } else if ('filter' in body) {
      if (body.filter(record, this.#guest)) append(out, row);
    } else if ('flatMap' in body) {
      for (const made of body.flatMap(record, this.#guest)) this.#encode(fake, made, time, out);
    } else if ('assignTimestamp' in body) {
      const before = out.length;
      append(out, row);
      out.view.setBigInt64(before + 8, BigInt(body.assignTimestamp(record, this.#guest)), true);
    }
    this.#checkOutput(out);
  }

  runWindows(functionName: string, { rows, windows }: WindowsCall): Batch {
    return this.#call(functionName, { rows, states: EMPTY_BATCH }, (fake) => {
      const { body } = fake;
      if (!('apply' in body)) throw new Error(`function "${fake.name}" is no apply`);
      const out = this.#builder();
      const left = rowsOf(rows);
      const view = viewOf(windows);
      for (let i = 0; i < windows.length / WINDOW_ENTRY_BYTES; i++) {
        const at = i * WINDOW_ENTRY_BYTES;
        this.#burn(FUEL_PER_ROW);
        const held = left.splice(0, view.getUint32(at + 24, true));
        const bytes = held.reduce((sum, row) => sum + row.length, 0);
        if (bytes !== view.getUint32(at + 28, true)) throw new Error('a window has other bytes');
        const [start, end] = [0, 8].map((offset) => Number(view.getBigInt64(at + offset, true)));
        const time = view.getBigInt64(at + 16, true);
        const records = held.map((row) => decodeObject(fake.input, row, 0));
        for (const made of body.apply(records, { start, end }, this.#guest)) {
          const before = out.length;
          this.#encode(fake, made, time, out);
          out.view.setUint32(before + 4, i, true);
        }
      }
      this.#checkOutput(out);
      return this.#answer(out);
    });
  }

  runProcess(functionName: string, call: ProcessCall): ProcessResult {
    return this.#call(functionName, call, (fake) => {
      const { body } = fake;
      if (!('process' in body)) throw new Error(`function "${fake.name}" is no process function`);
      const result = runFakeProcess({ ...fake, kind: body.process.kind }, body.process, call, {
        guest: this.#guest,
        burnRow: () => this.#burn(FUEL_PER_ROW),
        answer: (out) => this.#answer(out),
      });
      return result;
    });
  }

  #fold(
    fake: FakeFunction,
    state: Uint8Array | undefined,
    row: Uint8Array,
    merge: boolean,
  ): Uint8Array {
    this.#burn(FUEL_PER_ROW);
    const { body } = fake;
    if (fake.state === undefined) throw new Error(`function "${fake.name}" has no state`);
    if (state === undefined && (merge || 'reduce' in body)) return row;
    const record = decodeObject(merge ? fake.state : fake.input, row, 0);
    const before = state === undefined ? undefined : decodeObject(fake.state, state, 0);
    const builder = this.#builder();
    const time = viewOf(row).getBigInt64(8, true);
    if ('reduce' in body) {
      encodeObject(fake.state, body.reduce(before!, record, this.#guest), builder, time);
    } else if (merge && 'start' in body) {
      if (body.merge === undefined) throw new Error(`function "${fake.name}" cannot merge`);
      encodeObject(fake.state, body.merge(before!, record, this.#guest), builder, time);
    } else if ('start' in body) {
      const after = body.add(before ?? (body.start as RowObject), record, this.#guest);
      encodeObject(fake.state, after, builder, time);
    }
    return builder.batch().bytes.slice();
  }

  #result(fake: FakeFunction, state: Uint8Array | undefined, out: BatchBuilder): void {
    if (state === undefined) return;
    if ('start' in fake.body) {
      const accumulator = decodeObject(fake.state!, state, 0);
      const result = fake.body.result(accumulator, this.#guest);
      this.#encode(fake, result, viewOf(state).getBigInt64(8, true), out);
    } else {
      append(out, state);
    }
    this.#checkOutput(out);
  }

  #encode(fake: FakeFunction, record: Fields, time: bigint, out: BatchBuilder): void {
    encodeObject(fake.output, record, out, time);
  }

  #checkOutput(out: BatchBuilder): void {
    const { outputBytes } = this.#parts.limits;
    if (out.length <= outputBytes) return;
    throw new MillraceError('OUTPUT_LIMIT', `emitted ${out.length} bytes, limit ${outputBytes}`);
  }

  #burn(fuel: number): void {
    this.lastFuel += fuel;
    if (this.lastFuel > this.#budget) {
      throw new MillraceError('FUEL_EXHAUSTED', `used more than ${this.#budget} fuel`);
    }
  }

  #builder(): BatchBuilder {
    return new BatchBuilder(1024);
  }

  #answer(out: BatchBuilder): Batch {
    if (out.count === 0) return EMPTY_BATCH;
    const answer = out.batch();
    this.#answers.push(answer);
    return answer;
  }
}

function append(out: BatchBuilder, row: Uint8Array): void {
  out.append({ bytes: row, count: 1 });
}

function tagOf(row: Uint8Array): number {
  return viewOf(row).getUint32(4, true);
}
