/**
 * What a lookup asks its table for in one task: keys in batches, each within a time, repeated when nothing answers, and remembered for a
 * while.
 *
 * R1  A key is asked for once at a time, whoever waits for it; no more than `capacity` keys are asked for at once.
 * R2  An answer that failed is not remembered.
 */
import type { RowObject } from '../../../abi/row-object.ts';
import type { Clock } from '../../../clock.ts';
import type { LookupTable } from '../../../connectors/lookup.ts';
import { ERRORS, MillraceError } from '../../../errors.ts';
import { LOOKUP_BACKOFF_MAX_MS } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import type { LookupRequestsSpec } from '../../lookup-spec.ts';

/** Rows, or why there are none. */
export type LookupAnswer =
  | { readonly kind: 'rows'; readonly rows: Batch }
  /** The table answered with something that is no row: the error of a record. */
  | { readonly kind: 'failed'; readonly error: MillraceError }
  /** Nothing answered: not the record's fault. */
  | { readonly kind: 'down'; readonly error: MillraceError };

/** Takes the answer, sooner or later. */
export interface LookupWaiter {
  answer: LookupAnswer | undefined;
}

interface Asked {
  readonly key: RowObject;
  readonly name: string;
  readonly waiters: LookupWaiter[];
}

export interface LookupRequestsOptions {
  readonly step: string;
  readonly spec: LookupRequestsSpec;
  readonly table: LookupTable;
  readonly clock: Clock;
  /** Called when answers have come. */
  readonly wake: () => void;
}

export class LookupRequests {
  readonly #options: LookupRequestsOptions;
  /** By the bytes of the key as text: asked for, or to be asked for. */
  readonly #asked = new Map<string, Asked>();
  readonly #waiting: Asked[] = [];
  readonly #cache = new Map<string, { readonly rows: Batch; readonly untilMs: number }>();
  readonly #closing = new AbortController();
  #running = 0;

  constructor(options: LookupRequestsOptions) {
    this.#options = options;
  }

  /** Asks for the rows of a key, `name` in a map. The waiter may have its answer when this returns. */
  ask(name: string, key: () => RowObject, waiter: LookupWaiter): void {
    const rows = this.#remembered(name);
    if (rows !== undefined) {
      waiter.answer = { kind: 'rows', rows };
      return;
    }
    const asked = this.#asked.get(name);
    if (asked !== undefined) {
      asked.waiters.push(waiter);
      return;
    }
    const made = { key: key(), name, waiters: [waiter] };
    this.#asked.set(name, made);
    this.#waiting.push(made);
  }

  /** Sends what waits, as far as there is room. Called after a batch of `ask`. */
  send(): void {
    const { table, spec } = this.#options;
    while (this.#waiting.length > 0 && this.#running < spec.capacity) {
      const count = Math.min(table.keysMax, spec.capacity - this.#running);
      const batch = this.#waiting.splice(0, count);
      this.#running += batch.length;
      void this.#run(batch);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#options.table.close();
  }

  async #run(batch: readonly Asked[]): Promise<void> {
    const answers = await this.#answers(batch);
    if (this.#closing.signal.aborted) return;
    this.#running -= batch.length;
    for (const [i, asked] of batch.entries()) {
      const answer = answers[i];
      this.#asked.delete(asked.name);
      if (answer.kind === 'rows') this.#remember(asked.name, answer.rows);
      for (const waiter of asked.waiters) waiter.answer = answer;
    }
    this.send();
    this.#options.wake();
  }

  /** One per key, when the table has answered or is given up. */
  async #answers(batch: readonly Asked[]): Promise<readonly LookupAnswer[]> {
    const { spec } = this.#options;
    for (let retry = 0; ; retry++) {
      try {
        return (await this.#attempt(batch)).map((rows) => ({ kind: 'rows', rows }));
      } catch (thrown) {
        const error = MillraceError.from(thrown);
        if (ERRORS[error.code].scope === 'record') return this.#alone(batch, error);
        const stop = this.#closing.signal.aborted || error.code === 'CONNECTOR_OPTION';
        if (stop || retry >= (spec.retries ?? Number.POSITIVE_INFINITY)) {
          return batch.map(() => ({ kind: 'down', error: this.#down(error, retry) }));
        }
      }
      await this.#pause(Math.min(spec.backoffMs * 2 ** retry, LOOKUP_BACKOFF_MAX_MS));
    }
  }

  /** Of several keys, those fail whose own answer does. */
  async #alone(batch: readonly Asked[], error: MillraceError): Promise<readonly LookupAnswer[]> {
    if (batch.length === 1) return [{ kind: 'failed', error }];
    const answers = await Promise.all(batch.map((asked) => this.#answers([asked])));
    return answers.flat();
  }

  #attempt(batch: readonly Asked[]): Promise<readonly Batch[]> {
    const { table, spec, clock } = this.#options;
    const attempt = new AbortController();
    const signal = AbortSignal.any([attempt.signal, this.#closing.signal]);
    return new Promise((resolve, reject) => {
      const cancelTimer = clock.after(spec.timeoutMs, () => {
        const error = new Error(`no answer within ${spec.timeoutMs} ms`);
        attempt.abort(error);
        reject(error);
      });
      const keys = batch.map(({ key }) => key);
      table.lookup(keys, signal).then(resolve, reject).finally(cancelTimer);
    });
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(delayMs, resolve);
      this.#closing.signal.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }

  #down(error: MillraceError, retries: number): MillraceError {
    const { step } = this.#options;
    const times = retries === 0 ? '' : ` after ${retries} repetitions`;
    const message = `the table that step "${step}" looks rows up in does not answer${times}: ${error.message}`;
    return new MillraceError('LOOKUP_UNAVAILABLE', message, {
      hint:
        error.hint === ''
          ? 'whenDown: wait lets the step wait until the table is back'
          : error.hint,
      cause: error,
    });
  }

  #remembered(name: string): Batch | undefined {
    const known = this.#cache.get(name);
    if (known === undefined) return undefined;
    this.#cache.delete(name);
    if (known.untilMs <= this.#options.clock.monotonicMs()) return undefined;
    // Behind all others: the first is the one that was asked for least recently.
    this.#cache.set(name, known);
    return known.rows;
  }

  #remember(name: string, rows: Batch): void {
    const { cache } = this.#options.spec;
    if (cache === undefined) return;
    const untilMs = this.#options.clock.monotonicMs() + cache.ttlMs;
    this.#cache.set(name, { rows, untilMs });
    if (this.#cache.size <= cache.entries) return;
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest);
      return;
    }
  }
}
