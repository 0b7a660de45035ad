import type { Clock } from '../clock.ts';
import { PEEK_TIMEOUT_MS } from '../server-limits.ts';
import type { PeekedRows, PeekRequest } from './peek.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

interface Peek {
  left: number;
  readonly parts: Uint8Array[];
  count: number;
  readonly done: () => void;
}

/** Asks all workers and puts their answers together. What has not come in time is left out. */
export class PeekBoard {
  readonly #workers: number;
  readonly #clock: Clock;
  readonly #post: (message: ToWorker) => void;
  readonly #peeks = new Map<number, Peek>();
  #requests = 0;

  constructor(options: {
    readonly workers: number;
    readonly clock: Clock;
    readonly post: (message: ToWorker) => void;
  }) {
    this.#workers = options.workers;
    this.#clock = options.clock;
    this.#post = options.post;
  }

  async ask(peek: PeekRequest): Promise<PeekedRows> {
    this.#requests += 1;
    const request = this.#requests;
    const { promise, resolve } = Promise.withResolvers<void>();
    const found: Peek = { left: this.#workers, parts: [], count: 0, done: resolve };
    this.#peeks.set(request, found);
    const cancelTimer = this.#clock.after(PEEK_TIMEOUT_MS, resolve);
    this.#post({ kind: 'peek', request, peek });
    await promise;
    cancelTimer();
    this.#peeks.delete(request);
    return { rows: Buffer.concat(found.parts).toString('base64'), count: found.count };
  }

  onPeeked({ request, bytes, count }: FromWorker & { kind: 'peeked' }): void {
    const peek = this.#peeks.get(request);
    if (peek === undefined) return;
    peek.parts.push(bytes);
    peek.count += count;
    peek.left -= 1;
    if (peek.left === 0) peek.done();
  }
}
