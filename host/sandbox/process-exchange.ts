/**
 * What a process function hands over and asks for while it runs, beside rows and states: side outputs, timers, map states,
 * metrics. Nothing of it is believed: numbers are unsigned and checked against memory and description, rows when the call has
 * returned.
 */
import { createRowValidator, type RowValidator } from '../abi/validate-rows.ts';
import { MillraceError } from '../errors.ts';
import { KEY_BYTES_MAX, PROCESS_WRITES_MAX } from '../limits.ts';
import type { ProcessDescription } from '../model/process-description.ts';
import type { GuestMemory } from './guest-memory.ts';
import { GuestOutput } from './guest-output.ts';
import { checkTags } from './key-ordinals.ts';
import {
  DELETE_PROCESSING_TIMER,
  type ProcessCall,
  type ProcessResult,
  TIMER_OPERATION_BYTES,
} from './process-call.ts';

/** What validates the rows of one process function; worked out once per module and thread. */
export interface ProcessFacts {
  readonly description: ProcessDescription;
  readonly sides: readonly RowValidator[];
  readonly entries: readonly RowValidator[];
}

export function processFacts(description: ProcessDescription): ProcessFacts {
  return {
    description,
    sides: description.sides.map(({ record }) => createRowValidator(record)),
    entries: description.maps.map(({ entry }) => createRowValidator(entry)),
  };
}

type Import = (...args: number[]) => number | undefined;

const SOURCE_NUMBERS = { first: 0, second: 1, eventTimers: 2, processingTimers: 3 } as const;

/** The `source` argument of a call. */
export function sourceNumber(call: ProcessCall): number {
  return SOURCE_NUMBERS[call.source];
}

/** Belongs to one instance; collects during a call. */
export class ProcessExchange {
  readonly #memory: GuestMemory;
  readonly #outputBytes: number;
  #facts: ProcessFacts | undefined;
  #call: ProcessCall | undefined;
  #sides: GuestOutput[] = [];
  #maps: GuestOutput[] = [];
  #writes = 0;
  #timers = new Uint8Array(0);
  #timerBytes = 0;
  #metrics = new Float64Array(0);

  constructor(memory: GuestMemory, outputBytes: number) {
    this.#memory = memory;
    this.#outputBytes = outputBytes;
  }

  begin(facts: ProcessFacts, call: ProcessCall): void {
    if (this.#facts !== facts) {
      this.#facts = facts;
      const output = (name: string) => new GuestOutput(this.#memory, name, this.#outputBytes);
      const { sides, maps, metrics } = facts.description;
      this.#sides = sides.map(({ name }) => output(`rows of side output "${name}"`));
      this.#maps = maps.map(({ name }) => output(`entries of map state "${name}"`));
      this.#metrics = new Float64Array(metrics.length);
    }
    for (const side of this.#sides) side.reset();
    for (const map of this.#maps) map.reset();
    for (const [i, { kind }] of facts.description.metrics.entries()) {
      this.#metrics[i] = kind === 'counter' ? 0 : Number.NaN;
    }
    this.#timerBytes = 0;
    this.#writes = 0;
    this.#call = call;
  }

  end(): void {
    this.#call = undefined;
  }

  /** All of the call but output and states, which are checked with the rows that they answer. Throws `ABI_VIOLATION`. */
  finish(): Omit<ProcessResult, 'output' | 'states'> {
    const { facts, call } = this.#running('the end of a call');
    const sides = this.#sides.map((side, i) => {
      const rows = side.rows();
      checkRows(facts.description.sides[i].name, facts.sides[i], rows);
      return rows;
    });
    const maps = this.#maps.map((map, i) => {
      const rows = map.rows();
      const { name, broadcast } = facts.description.maps[i];
      checkRows(name, facts.entries[i], rows);
      checkTags(rows, broadcast ? 1 : call.keys, `an entry of map state "${name}"`);
      return rows;
    });
    const timers = this.#timers.subarray(0, this.#timerBytes);
    return { sides, maps, timers, metrics: this.#metrics };
  }

  /** The functions that a guest imports, by name. */
  imports(): readonly (readonly [string, Import])[] {
    return [
      ['millrace.side', (side, at, length, count) => this.#side(side, at, length, count)],
      ['millrace.timers', (at, count) => this.#timer(at >>> 0, count >>> 0)],
      ['millrace.map', (map, at, length, count) => this.#map(map, at, length, count)],
      ['millrace.map_get', (...numbers) => this.#get(numbers, false)],
      ['millrace.map_next', (...numbers) => this.#get(numbers, true)],
      ['millrace.metrics', (at, count) => this.#metric(at >>> 0, count >>> 0)],
    ];
  }

  #side(side: number, at: number, length: number, count: number): undefined {
    this.#running('side');
    const output = this.#sides[side];
    if (output === undefined) violation(`side output ${side} of ${this.#sides.length}`);
    output.take(at >>> 0, length >>> 0, count >>> 0, false);
  }

  #timer(at: number, count: number): undefined {
    const { call } = this.#running('timers');
    this.#count(count, 'timers');
    const length = count * TIMER_OPERATION_BYTES;
    this.#memory.checkRows('timers', at, length);
    this.#reserveTimers(length);
    const taken = this.#timers.subarray(this.#timerBytes, this.#timerBytes + length);
    taken.set(this.#memory.bytes.subarray(at, at + length));
    this.#timerBytes += length;
    // Copied, so that the guest cannot change what was checked.
    const view = new DataView(taken.buffer, taken.byteOffset, length);
    for (let place = 0; place < length; place += TIMER_OPERATION_BYTES) {
      const ordinal = view.getUint32(place, true);
      if (ordinal >= call.keys) violation(`a timer has ordinal ${ordinal} of ${call.keys} keys`);
      const operation = view.getUint32(place + 4, true);
      if (operation > DELETE_PROCESSING_TIMER) violation(`timers know no operation ${operation}`);
    }
  }

  #reserveTimers(bytes: number): void {
    const needed = this.#timerBytes + bytes;
    if (needed <= this.#timers.length) return;
    const timers = new Uint8Array(Math.max(1024, needed, this.#timers.length * 2));
    timers.set(this.#timers.subarray(0, this.#timerBytes));
    this.#timers = timers;
  }

  #map(map: number, at: number, length: number, count: number): undefined {
    const { call, facts } = this.#running('map');
    const output = this.#maps[map];
    if (output === undefined) violation(`map state ${map} of ${this.#maps.length}`);
    const { broadcast, name } = facts.description.maps[map];
    if (broadcast && call.source !== 'second') {
      violation(`broadcast state "${name}" is written by the broadcast input alone`);
    }
    this.#count(count >>> 0, 'map entries');
    output.take(at >>> 0, length >>> 0, count >>> 0, false);
  }

  /** `map_get` and `map_next`: the length of the row, which is written if there is room for it; -1 when there is none. */
  #get(numbers: readonly number[], next: boolean): number {
    const { call, facts } = this.#running('map_get');
    const [map, ordinal, key, keyLength, out, room] = numbers.map((number) => number >>> 0);
    const described = facts.description.maps[map];
    if (described === undefined) violation(`map state ${map} of ${this.#maps.length}`);
    const keys = described.broadcast ? 1 : call.keys;
    if (ordinal >= keys) violation(`a map is asked for ordinal ${ordinal} of ${keys} keys`);
    const first = next && keyLength === 0xffff_ffff;
    if (!first && keyLength > KEY_BYTES_MAX) violation(`a map key of ${keyLength} bytes`);
    if (!first) this.#memory.check('map key', key, keyLength);
    this.#memory.checkRows('room for a map entry', out, room);
    const bytes = first ? undefined : this.#memory.bytes.subarray(key, key + keyLength);
    const row = next
      ? call.maps.next(map, ordinal, bytes)
      : call.maps.get(map, ordinal, bytes ?? new Uint8Array(0));
    if (row === undefined) return -1;
    if (row.length <= room) this.#memory.bytes.set(row, out);
    return row.length;
  }

  #metric(at: number, count: number): undefined {
    const { facts } = this.#running('metrics');
    const { metrics } = facts.description;
    if (count !== metrics.length)
      violation(`${count} metrics handed over, ${metrics.length} declared`);
    this.#memory.checkRows('metrics', at, count * 8);
    const view = new DataView(this.#memory.bytes.buffer, at, count * 8);
    for (const [i, { kind, name }] of metrics.entries()) {
      const value = view.getFloat64(i * 8, true);
      if (kind === 'gauge') this.#metrics[i] = value;
      else if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) this.#metrics[i] = value;
      else violation(`counter "${name}" cannot grow by ${value}`);
    }
  }

  /** Bounds what a call may write in small pieces: each costs the host more than its bytes. */
  #count(count: number, what: string): void {
    this.#writes += count;
    if (this.#writes <= PROCESS_WRITES_MAX) return;
    const message = `${what}: more than ${PROCESS_WRITES_MAX} written in one call`;
    throw new MillraceError('OUTPUT_LIMIT', message);
  }

  #running(what: string): { readonly call: ProcessCall; readonly facts: ProcessFacts } {
    if (this.#call === undefined || this.#facts === undefined) {
      violation(`${what} was called outside the call of a process function`);
    }
    return { call: this.#call, facts: this.#facts };
  }
}

function checkRows(name: string, validator: RowValidator, rows: ProcessResult['output']): void {
  const wrong = validator(rows.bytes, rows.count);
  if (wrong !== undefined) violation(`rows of "${name}": ${wrong}`);
}

function violation(text: string): never {
  throw new MillraceError('ABI_VIOLATION', text);
}
