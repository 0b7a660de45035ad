import assert from 'node:assert/strict';
import type { RowValidator } from '../abi/validate-rows.ts';
import { MillraceError } from '../errors.ts';
import { BATCH_BYTES_TARGET, FUEL_PER_CALL_MAX, FUEL_RECORD_BYTES, START_FUEL } from '../limits.ts';
import { type Batch, EMPTY_BATCH } from '../model/batch.ts';
import { CallLog } from './call-log.ts';
import { FUNCTION_PREFIX } from './check-abi.ts';
import {
  type CompiledModule,
  type GuestInstance,
  type GuestLimits,
  type GuestLog,
  type KeyedCall,
  type KeyedResult,
  WINDOW_ENTRY_BYTES,
  type WindowsCall,
} from './guest.ts';
import { guestFailure } from './guest-failure.ts';
import { createImports } from './guest-imports.ts';
import { GuestMemory } from './guest-memory.ts';
import { GuestOutput } from './guest-output.ts';
import { checkOrdinals, checkStates, checkWindows } from './key-ordinals.ts';
import { type FunctionFacts, type ModuleFacts, moduleFacts } from './module-facts.ts';
import {
  CONTEXT_BYTES,
  type ProcessCall,
  type ProcessResult,
  writeContext,
} from './process-call.ts';
import { ProcessExchange, sourceNumber } from './process-exchange.ts';
import {
  DEPTH_EXPORT,
  FUEL_EXPORT,
  REFUEL_EXPORT,
  START_EXPORT,
} from './rewrite/rewrite-module.ts';

/** Bits of the `flags` of a keyed call (`guest-sdk/ABI.md`, section 4). */
const EMIT_FLAGS = { record: 1, batch: 2, none: 0 } as const;
const MERGE_FLAG = 4;

type GuestCall = (...args: number[]) => number;

/** A function of the module, ready to be called. */
interface LiveFunction extends FunctionFacts {
  readonly what: string;
  readonly call: GuestCall;
}

/** Makes an instance and runs its start. Throws `MODULE_REFUSED`, and what a call throws. */
export function createInstance(
  module: CompiledModule,
  limits: GuestLimits,
  log: GuestLog,
): GuestInstance {
  const facts = moduleFacts(module);
  const { memoryMinimum, memoryMaximum } = facts.note;
  const maximum = Math.min(memoryMaximum, limits.memoryPages);
  if (maximum < memoryMinimum) {
    throw new MillraceError(
      'MODULE_REFUSED',
      `module starts with ${memoryMinimum} pages of memory, limit ${maximum}`,
      { hint: 'raise memory in the limits of the step' },
    );
  }
  const memory = facts.spareMemories.take(memoryMinimum, maximum);
  return new Instance(module, facts, { limits, log, maximum, memory: new GuestMemory(memory) });
}

interface InstanceParts {
  readonly limits: GuestLimits;
  readonly log: GuestLog;
  readonly memory: GuestMemory;
  /** Pages it may grow to. */
  readonly maximum: number;
}

/**
 * A live instance.
 *
 * I1 Everything that comes out of the guest is unsigned and checked against memory as it is now.
 * I2 Imports that hand rows over work during a call only; a call never starts inside another.
 * I3 Whatever is thrown out of a call kills the instance: the guest may be halfway through anything.
 * I4 Rows are checked after the call returned, when the guest can no longer change them.
 */
class Instance implements GuestInstance {
  readonly module: CompiledModule;
  lastFuel = 0;
  readonly #facts: ModuleFacts;
  readonly #limits: GuestLimits;
  readonly #memory: GuestMemory;
  readonly #maximum: number;
  readonly #log: CallLog;
  readonly #output: GuestOutput;
  readonly #states: GuestOutput;
  readonly #exchange: ProcessExchange;
  readonly #functions = new Map<string, LiveFunction>();
  readonly #buffer: GuestCall;
  readonly #refuel: GuestCall;
  readonly #fuel: GuestCall;
  readonly #depth: GuestCall;
  #area = 0;
  #areaBytes = 0;
  #budget = START_FUEL;
  #running = false;
  #dead = false;

  constructor(module: CompiledModule, facts: ModuleFacts, parts: InstanceParts) {
    this.module = module;
    this.#facts = facts;
    this.#limits = parts.limits;
    this.#memory = parts.memory;
    this.#maximum = parts.maximum;
    this.#log = new CallLog(parts.log, parts.memory);
    this.#output = new GuestOutput(parts.memory, 'emitted rows', parts.limits.outputBytes);
    this.#states = new GuestOutput(parts.memory, 'states', parts.limits.outputBytes);
    this.#exchange = new ProcessExchange(parts.memory, parts.limits.outputBytes);
    const imports = createImports(facts, {
      memory: this.#memory,
      log: this.#log,
      process: this.#exchange.imports(),
      emit: (address, length, count, last) => {
        this.#assertRunning('emit');
        this.#output.take(address >>> 0, length >>> 0, count >>> 0, last !== 0);
      },
      state: (address, length, count) => {
        this.#assertRunning('state');
        this.#states.take(address >>> 0, length >>> 0, count >>> 0, false);
      },
    });
    const { exports } = instantiate(module.wasm, imports);
    const find = (name: string): GuestCall => exports[name] as GuestCall;
    this.#refuel = find(REFUEL_EXPORT);
    this.#fuel = find(FUEL_EXPORT);
    this.#depth = find(DEPTH_EXPORT);
    this.#buffer = find(`${FUNCTION_PREFIX}buffer`);
    for (const [name, entry] of facts.functions) {
      const call = find(`${FUNCTION_PREFIX}${name}`);
      this.#functions.set(name, { ...entry, what: `function "${name}"`, call });
    }
    this.#start(find(START_EXPORT), find('_initialize'));
  }

  get memoryBytes(): number {
    return this.#memory.bytes.length;
  }

  run(functionName: string, input: Batch): Batch {
    const guest = this.#begin(functionName);
    try {
      const address = this.#reserve(input.bytes.length);
      this.#memory.bytes.set(input.bytes, address);
      this.#fill(input.count, input.bytes.length);
      this.#running = true;
      checkStatus(guest.call(address, input.bytes.length, input.count));
      return this.#finish(guest, input.count);
    } catch (thrown) {
      throw this.#fail(thrown, guest.what, input.count);
    } finally {
      this.#end();
    }
  }

  runKeyed(functionName: string, call: KeyedCall): KeyedResult {
    const { rows, states, keys } = call;
    const guest = this.#begin(functionName);
    try {
      const address = this.#reserve(rows.bytes.length + states.bytes.length);
      const statesAddress = address + rows.bytes.length;
      this.#memory.bytes.set(rows.bytes, address);
      this.#memory.bytes.set(states.bytes, statesAddress);
      this.#fill(rows.count + states.count, rows.bytes.length + states.bytes.length);
      this.#running = true;
      checkStatus(
        guest.call(
          ...[address, rows.bytes.length, rows.count],
          ...[statesAddress, states.bytes.length, states.count],
          ...[keys, EMIT_FLAGS[call.emit] | (call.merge ? MERGE_FLAG : 0)],
        ),
      );
      const output = this.#finish(guest, rows.count);
      const after = this.#states.rows();
      if (guest.state !== undefined) checkRows('states', guest.state, after);
      checkOrdinals(rows, after, keys);
      return { output, states: after };
    } catch (thrown) {
      throw this.#fail(thrown, guest.what, rows.count);
    } finally {
      this.#end();
    }
  }

  runWindows(functionName: string, { rows, windows }: WindowsCall): Batch {
    const guest = this.#begin(functionName);
    const count = windows.length / WINDOW_ENTRY_BYTES;
    try {
      const address = this.#reserve(rows.bytes.length + windows.length);
      const windowsAddress = address + rows.bytes.length;
      this.#memory.bytes.set(rows.bytes, address);
      this.#memory.bytes.set(windows, windowsAddress);
      this.#fill(rows.count + count, rows.bytes.length + windows.length);
      this.#running = true;
      checkStatus(guest.call(address, rows.bytes.length, rows.count, ...[windowsAddress, count]));
      const output = this.#finish(guest, rows.count);
      checkWindows(output, count);
      return output;
    } catch (thrown) {
      throw this.#fail(thrown, guest.what, rows.count);
    } finally {
      this.#end();
    }
  }

  runProcess(functionName: string, call: ProcessCall): ProcessResult {
    const guest = this.#begin(functionName);
    const { rows, states, keys } = call;
    try {
      assert(guest.process, `${guest.what} is no process function`);
      const bytes = rows.bytes.length + states.bytes.length;
      const address = this.#reserve(bytes + CONTEXT_BYTES);
      const [statesAddress, context] = [address + rows.bytes.length, address + bytes];
      this.#memory.bytes.set(rows.bytes, address);
      this.#memory.bytes.set(states.bytes, statesAddress);
      writeContext(this.#memory.bytes, context, call);
      this.#fill(rows.count + states.count, bytes);
      this.#exchange.begin(guest.process, call);
      this.#running = true;
      checkStatus(
        guest.call(
          ...[address, rows.bytes.length, rows.count],
          ...[statesAddress, states.bytes.length, states.count],
          ...[keys, sourceNumber(call), context],
        ),
      );
      const output = this.#finish(guest, rows.count);
      const after = this.#states.rows();
      if (guest.state !== undefined) checkRows('states', guest.state, after);
      checkStates(after, keys);
      return { output, states: after, ...this.#exchange.finish() };
    } catch (thrown) {
      throw this.#fail(thrown, guest.what, rows.count);
    } finally {
      this.#exchange.end();
      this.#end();
    }
  }

  #begin(functionName: string): LiveFunction {
    const guest = this.#functions.get(functionName);
    if (guest === undefined) assert.fail(`the module has no function "${functionName}"`);
    assert(!this.#running, 'a guest call started inside another');
    if (this.#dead) {
      throw new MillraceError('GUEST_TRAP', `${guest.what}: the instance is dead after a failure`);
    }
    this.#output.reset();
    this.#states.reset();
    return guest;
  }

  /** Gives the call its fuel. */
  #fill(rows: number, bytes: number): void {
    const records = Math.max(1, rows, Math.floor(bytes / FUEL_RECORD_BYTES));
    this.#budget = Math.min(FUEL_PER_CALL_MAX, this.#limits.fuelPerRecord * records);
    this.#refuel(this.#budget);
  }

  /**
   * The address of an input area of at least `bytes` bytes. The guest is asked only for more, under fuel
   * of its own: what a batch costs must not depend on the batches before it.
   */
  #reserve(bytes: number): number {
    if (bytes <= this.#areaBytes) return this.#area;
    const wanted = Math.ceil(bytes / BATCH_BYTES_TARGET) * BATCH_BYTES_TARGET;
    // Until the guest has answered there is no area to rely on.
    this.#areaBytes = 0;
    this.#budget = START_FUEL;
    this.#refuel(START_FUEL);
    this.#area = this.#buffer(wanted) >>> 0;
    this.#memory.checkRows('input area of mr_buffer', this.#area, wanted);
    this.#areaBytes = wanted;
    return this.#area;
  }

  /** What the call emitted, checked. */
  #finish(guest: LiveFunction, rows: number): Batch {
    this.lastFuel = this.#budget - this.#fuel();
    const output = this.#output.rows();
    checkRows('emitted rows', guest.output, output);
    if (guest.state === undefined && this.#states.rows() !== EMPTY_BATCH) {
      violation('states were handed back, but none are declared');
    }
    const one = guest.kind === 'map' || guest.kind === 'assignTimestamp';
    if (one && output.count !== rows) {
      violation(`${guest.kind} emits one row per row: ${output.count} rows for ${rows}`);
    }
    if (guest.kind === 'filter' && output.count > rows) {
      violation(`a filter emits only what it was given: ${output.count} rows for ${rows}`);
    }
    return output;
  }

  #end(): void {
    this.#running = false;
    this.#log.flush();
    if (this.#dead) this.#facts.spareMemories.give(this.#memory.memory, this.#maximum);
  }

  /** Start function and `_initialize`, once, under `START_FUEL`. */
  #start(start: GuestCall | undefined, initialize: GuestCall | undefined): void {
    try {
      start?.();
      initialize?.();
    } catch (thrown) {
      throw this.#fail(thrown, 'the start of the module', 0);
    } finally {
      this.#log.flush();
    }
  }

  #assertRunning(name: string): void {
    if (!this.#running) violation(`${name} was called outside a call`);
  }

  #fail(thrown: unknown, what: string, rows: number): MillraceError {
    this.#dead = true;
    const fuel = this.#fuel();
    this.lastFuel = this.#budget - Math.max(0, fuel);
    return guestFailure(thrown, {
      what,
      rows,
      budget: this.#budget,
      fuel,
      depth: this.#depth(),
      places: this.#facts.places(),
    });
  }
}

/** A data or element segment may lie outside memory or table: that is a trap before anything ran. */
function instantiate(wasm: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(wasm, imports);
  } catch (thrown) {
    if (!(thrown instanceof WebAssembly.RuntimeError)) throw thrown;
    const message = `the module cannot be instantiated: ${thrown.message}`;
    throw new MillraceError('GUEST_TRAP', message, { cause: thrown });
  }
}

function checkRows(what: string, validator: RowValidator, batch: Batch): void {
  const wrong = validator(batch.bytes, batch.count);
  if (wrong !== undefined) violation(`${what}: ${wrong}`);
}

function checkStatus(status: number): void {
  if (status !== 0) violation(`the call returned ${status}, expected 0`);
}

function violation(text: string): never {
  throw new MillraceError('ABI_VIOLATION', text);
}
