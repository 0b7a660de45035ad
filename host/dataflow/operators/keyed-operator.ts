/**
 * `reduce` and `aggregate`: keyed steps with state. Each batch is a small transaction: the states of its keys are looked up
 * and handed to the guest, one call folds the rows, what it hands back is stored. Results leave after each
 * record, once per key and batch, or once per key when the input ends.
 *
 * K1  Rows are of the task's key groups and stay as they are; their tags are key hashes if the context says so.
 * K2  A call that failed has changed no state.
 * K3  A key's rows are folded in the order they came, also around failing ones.
 * K4  With `emit: end` a restored task does not emit again what the snapshot says was emitted, unless new rows came.
 */
import { BatchBuilder } from '../../abi/batch-builder.ts';
import { BATCH_BYTES_TARGET, STATE_BYTES_MAX } from '../../limits.ts';
import { type Batch, EMPTY_BATCH } from '../../model/batch.ts';
import type { KeyGroupRange } from '../../model/key-group.ts';
import type { CompiledModule, KeyedResult } from '../../sandbox/guest.ts';
import type { StateTable } from '../../state/state-table.ts';
import {
  newCounters,
  type OperatorCapture,
  type OperatorContext,
  type OperatorSnapshot,
  type Output,
  type SwappableOperator,
} from '../operator.ts';
import type { KeyedSpec } from '../plan.ts';
import { EmittedGroups } from './emitted-groups.ts';
import { type GuardedStep, recoverBatch } from './error-policy.ts';
import { GuestCall } from './guest-call.ts';
import type { GuestOperatorParts } from './operator-parts.ts';
import { RowSample } from './row-sample.ts';
import { numberRows } from './row-walk.ts';

/** The name of the one state that `reduce` and `aggregate` have. */
export const KEYED_STATE = 'state';

export function createKeyedOperator(spec: KeyedSpec, parts: GuestOperatorParts): SwappableOperator {
  return new KeyedOperator(spec, parts);
}

const NOTHING: KeyedResult = { output: EMPTY_BATCH, states: EMPTY_BATCH };

class KeyedOperator implements SwappableOperator {
  readonly counters = newCounters();
  readonly #spec: KeyedSpec;
  readonly #context: OperatorContext;
  readonly #table: StateTable;
  readonly #guest: GuestCall;
  /** The calls of a batch, and those that turn accumulators into results at the end. */
  readonly #folding: GuardedStep;
  readonly #finishing: GuardedStep;
  readonly #states = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #sample = new RowSample();
  readonly #emitted = new EmittedGroups();
  #result = NOTHING;

  constructor(spec: KeyedSpec, parts: GuestOperatorParts) {
    const { sandbox, module, context } = parts;
    const { counters } = this;
    this.#spec = spec;
    this.#context = context;
    this.#guest = new GuestCall({ spec, sandbox, module, context, counters });
    this.#table = parts.createStateTable({
      keyGroups: context.keyGroups,
      range: context.range,
      bytesMax: STATE_BYTES_MAX,
    });
    const step = { spec, guest: this.#guest, context, counters };
    this.#folding = {
      ...step,
      schema: spec.input,
      attempt: (rows) => this.#fold(rows),
      accept: (out) => this.#accept(out),
    };
    this.#finishing = {
      ...step,
      schema: spec.state,
      attempt: (states) => this.#finish(states),
      accept: (out) => this.#emit(this.#result.output, out),
    };
  }

  get id(): string {
    return this.#spec.id;
  }

  onBatch(batch: Batch, out: Output): void {
    if (batch.count === 0) return;
    const { counters } = this;
    counters.batches += 1;
    counters.recordsIn += batch.count;
    counters.bytesIn += batch.bytes.length;
    this.#emitted.clear();
    try {
      this.#fold(batch);
    } catch (thrown) {
      recoverBatch(batch, thrown, this.#folding, out);
      return;
    }
    this.#accept(out);
  }

  onWatermark(): void {}

  onEnd(out: Output): void {
    if (this.#spec.emit !== 'end') return;
    const { range } = this.#context;
    for (const left of this.#emitted.missing(range)) this.#emitStates(left, out);
    this.#emitted.complete(range);
  }

  stateOf(hash: number, key: Uint8Array): Uint8Array | undefined {
    return this.#table.get(hash, key);
  }

  snapshot(): OperatorSnapshot {
    return { keyed: { [KEYED_STATE]: this.#table.snapshot() }, values: this.#emitted.toJson() };
  }

  capture(changes: boolean): OperatorCapture {
    return {
      keyed: { [KEYED_STATE]: this.#table.capture(changes) },
      values: this.#emitted.toJson(),
    };
  }

  restore(snapshot: OperatorSnapshot, range: KeyGroupRange): void {
    const state = snapshot.keyed[KEYED_STATE];
    if (state !== undefined) this.#table.restore(state, range);
    this.#emitted.restore(snapshot.values);
    this.#countState();
  }

  stage(module: CompiledModule): void {
    const { rows, keys } = this.#sample;
    const emit = this.#emitMode();
    const call = { rows, states: EMPTY_BATCH, keys, emit, merge: false };
    this.#guest.stage(module, (instance) => {
      instance.runKeyed(this.#spec.function.name, call);
    });
  }

  swap(): void {
    this.#guest.swap();
  }

  unstage(): void {
    this.#guest.unstage();
  }

  close(): void {
    this.#guest.unstage();
    this.#table.close();
  }

  /** One call on these rows, which stay as they are. */
  #fold(rows: Batch): void {
    const { instance } = this.#guest;
    const resolved = this.#table.view(rows, this.#spec.key, this.#context.hashed);
    this.#sample.offer(resolved.rows);
    this.#result = instance.runKeyed(this.#spec.function.name, {
      ...resolved,
      emit: this.#emitMode(),
      merge: false,
    });
    this.counters.fuel += instance.lastFuel;
  }

  #accept(out: Output): void {
    this.#table.apply(this.#result.states);
    this.#countState();
    // Held back until the input ends, whatever the guest thinks.
    if (this.#spec.emit !== 'end') this.#emit(this.#result.output, out);
  }

  #emit(output: Batch, out: Output): void {
    if (output.count === 0) return;
    this.counters.recordsOut += output.count;
    this.counters.bytesOut += output.bytes.length;
    out.batch(output);
  }

  /** Emits the result of every key in these groups. */
  #emitStates(range: KeyGroupRange, out: Output): void {
    const states = this.#states;
    for (let cursor = 0; cursor >= 0; ) {
      states.clear();
      cursor = this.#table.scan(range, cursor, BATCH_BYTES_TARGET, states);
      const rows = states.batch();
      if (rows.count === 0) continue;
      if (this.#spec.function.kind === 'reduce') this.#emit(rows, out);
      else this.#finishAll(rows, out);
    }
  }

  #finishAll(states: Batch, out: Output): void {
    try {
      this.#finish(states);
    } catch (thrown) {
      recoverBatch(states, thrown, this.#finishing, out);
      return;
    }
    this.#emit(this.#result.output, out);
  }

  /** One call that turns accumulators into results: states without rows. */
  #finish(states: Batch): void {
    const { instance } = this.#guest;
    numberRows(states);
    this.#result = instance.runKeyed(this.#spec.function.name, {
      rows: EMPTY_BATCH,
      states,
      keys: states.count,
      emit: 'batch',
      merge: false,
    });
    this.counters.fuel += instance.lastFuel;
  }

  #emitMode(): 'record' | 'batch' | 'none' {
    return this.#spec.emit === 'end' ? 'none' : this.#spec.emit;
  }

  #countState(): void {
    this.counters.stateEntries = this.#table.entries;
    this.counters.stateBytes = this.#table.bytes;
  }
}
