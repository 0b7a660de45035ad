import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import type { Outbound } from '../outbound.ts';
import type { Post, PostAnswer } from './post.ts';

export interface Receiver {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly outbound?: Outbound;
}

export interface DeliveryParts {
  readonly post: Post;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** Statuses of 4xx that say "later": too slow, a request with this key is running, too early, too many. */
const LATER = [408, 409, 425, 429];
const PAUSE_MS = 200;
const PAUSE_MAX_MS = 30_000;
/** Milliseconds of the longest `Retry-After` that is followed. */
const RETRY_AFTER_MAX_MS = 300_000;

/**
 * Sends bodies to one receiver, each until it is accepted.
 *
 * D1  A 2xx is an acceptance. No answer, 5xx and the statuses of `LATER` are tried again with growing pauses, or after the time that
 *     the receiver asks for; every further request carries the same `Idempotency-Key`.
 * D2  Any other answer is final: `SINK_UNAVAILABLE`. The body stays where it is, a restart of the job sends it again.
 */
export class Delivery {
  readonly #id: string;
  readonly #receiver: Receiver;
  readonly #parts: DeliveryParts;
  readonly #closing = new AbortController();
  /** Why the body at hand was not accepted yet. */
  #trouble: MillraceError | undefined;

  constructor(id: string, receiver: Receiver, parts: DeliveryParts) {
    this.#id = id;
    this.#receiver = receiver;
    this.#parts = parts;
  }

  get trouble(): MillraceError | undefined {
    return this.#trouble;
  }

  /** Resolves when the receiver has accepted `body`. Gives up with what it met last after `patienceMs`, or when closed. */
  async send(key: string, body: Uint8Array, patienceMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    for (let failures = 0; ; ) {
      const answer = await this.#post(key, body);
      if (answer instanceof MillraceError) this.#trouble = answer;
      else if (answer.status >= 200 && answer.status < 300) break;
      else this.#trouble = this.#refusal(answer);
      if (this.#closing.signal.aborted || this.#trouble.code !== 'STORAGE_FAILED')
        throw this.#trouble;
      failures += 1;
      const pauseMs = this.#pauseMs(failures, answer);
      if (clock.monotonicMs() - startedMs + pauseMs > patienceMs) throw this.#trouble;
      await this.#pause(pauseMs);
      if (this.#closing.signal.aborted) throw this.#trouble;
    }
    this.#trouble = undefined;
  }

  close(): void {
    this.#closing.abort();
  }

  async #post(key: string, body: Uint8Array): Promise<PostAnswer | MillraceError> {
    const { url, headers, timeoutMs, outbound } = this.#receiver;
    const { signal } = this.#closing;
    try {
      return await this.#parts.post({
        url,
        headers: {
          'content-type': 'application/x-ndjson',
          ...headers,
          'idempotency-key': key,
        },
        body,
        timeoutMs,
        signal,
        outbound,
      });
    } catch (cause) {
      if (cause instanceof MillraceError) return cause;
      const text = `sink "${this.#id}" gets no answer from ${originOf(url)}: ${reasonOf(cause)}`;
      const hint = 'the job waits and goes on when the receiver answers';
      return new MillraceError('STORAGE_FAILED', text, { cause, hint });
    }
  }

  #refusal({ status, excerpt }: PostAnswer): MillraceError {
    const says = excerpt === '' ? '' : `, saying ${JSON.stringify(excerpt)}`;
    const text = `sink "${this.#id}": ${originOf(this.#receiver.url)} answers with status ${status}${says}`;
    if (status >= 500 || LATER.includes(status)) {
      const hint = 'the job waits and goes on when the receiver accepts';
      return new MillraceError('STORAGE_FAILED', text, { hint });
    }
    return new MillraceError('SINK_UNAVAILABLE', text, { hint: hintOf(status) });
  }

  #pauseMs(failures: number, answer: PostAnswer | MillraceError): number {
    const wholeMs = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** Math.min(failures - 1, 16));
    const ownMs = wholeMs / 2 + (this.#parts.random() * wholeMs) / 2;
    const askedMs = answer instanceof MillraceError ? 0 : (answer.retryAfterMs ?? 0);
    return Math.max(ownMs, Math.min(askedMs, RETRY_AFTER_MAX_MS));
  }

  #pause(pauseMs: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(pauseMs, end);
      function end() {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      }
      signal.addEventListener('abort', end);
    });
  }
}

/** Without path and query, which may hold a secret. */
function originOf(url: string): string {
  return new URL(url).origin;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : cause.message;
}

function hintOf(status: number): string {
  if (status === 401 || status === 403) return 'check "headers" or "tokenFile" of the sink';
  if (status === 413) return 'the receiver takes no body of this size; lower "batchBytes"';
  if (status >= 300 && status < 400) return 'redirects are not followed; set "url" to the place';
  return 'the receiver refuses these records for good; mend it, then start the job again';
}
