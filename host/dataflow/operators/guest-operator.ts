import { type Batch, EMPTY_BATCH } from '../../model/batch.ts';
import type { CompiledModule } from '../../sandbox/guest.ts';
import {
  newCounters,
  type OperatorSnapshot,
  type Output,
  type SwappableOperator,
} from '../operator.ts';
import type { GuestSpec } from '../plan.ts';
import { type GuardedStep, recoverBatch } from './error-policy.ts';
import { GuestCall } from './guest-call.ts';
import type { GuestOperatorParts } from './operator-parts.ts';
import { RowSample } from './row-sample.ts';

/** `map`, `filter` or `flatMap`: one guest call per batch, the answer handed on without a copy. */
export function createGuestOperator(spec: GuestSpec, parts: GuestOperatorParts): SwappableOperator {
  return new GuestOperator(spec, parts);
}

class GuestOperator implements SwappableOperator {
  readonly counters = newCounters();
  readonly #function: string;
  readonly #guest: GuestCall;
  readonly #guarded: GuardedStep;
  readonly #sample = new RowSample();
  #result: Batch = EMPTY_BATCH;

  constructor(spec: GuestSpec, parts: GuestOperatorParts) {
    const { sandbox, module, context } = parts;
    const { counters } = this;
    this.#function = spec.function.name;
    this.#guest = new GuestCall({ spec, sandbox, module, context, counters });
    this.#guarded = {
      spec,
      guest: this.#guest,
      context,
      counters,
      schema: spec.input,
      attempt: (rows) => this.#attempt(rows),
      accept: (out) => this.#accept(out),
    };
  }

  get id(): string {
    return this.#guarded.spec.id;
  }

  onBatch(batch: Batch, out: Output): void {
    if (batch.count === 0) return;
    const { counters } = this;
    counters.batches += 1;
    counters.recordsIn += batch.count;
    counters.bytesIn += batch.bytes.length;
    this.#sample.offer(batch);
    try {
      this.#attempt(batch);
    } catch (thrown) {
      recoverBatch(batch, thrown, this.#guarded, out);
      return;
    }
    this.#accept(out);
  }

  onWatermark(): void {}

  onEnd(): void {}

  snapshot(): OperatorSnapshot {
    return { keyed: {}, values: null };
  }

  restore(): void {}

  stage(module: CompiledModule): void {
    this.#guest.stage(module, (instance) => {
      instance.run(this.#function, this.#sample.rows);
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
  }

  #attempt(rows: Batch): void {
    const { instance } = this.#guest;
    this.#result = instance.run(this.#function, rows);
    this.counters.fuel += instance.lastFuel;
  }

  #accept(out: Output): void {
    const result = this.#result;
    if (result.count === 0) return;
    this.counters.recordsOut += result.count;
    this.counters.bytesOut += result.bytes.length;
    out.batch(result);
  }
}
