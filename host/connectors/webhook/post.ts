import type { Outbound } from '../outbound.ts';
import { outboundFetch } from '../outbound-fetch.ts';

/** One request of the sink and what came of it. */
export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  /** Cuts the request when the job closes. */
  readonly signal: AbortSignal;
  /** Which addresses it may reach. */
  readonly outbound?: Outbound;
}

export interface PostAnswer {
  readonly status: number;
  /** What `Retry-After` says, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** The beginning of the body, for messages. */
  readonly excerpt: string;
}

/** Sends one request; rejects when there is no answer in time. */
export type Post = (request: PostRequest) => Promise<PostAnswer>;

const EXCERPT_BYTES = 200;
const DRAIN_BYTES_MAX = 64 * 1024;

/**
 * Over HTTP or HTTPS. A redirect is an answer like any other: the receiver's address is what the pipeline says. Rejects with `ADDRESS_REFUSED`
 * when that is one it may not reach.
 */
export const postOverHttp: Post = async ({ url, headers, body, timeoutMs, signal, outbound }) => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const request = { method: 'POST', headers, body, signal: limit } as const;
  const response = await outboundFetch(url, request, outbound);
  return {
    status: response.status,
    retryAfterMs: readRetryAfter(response.headers.get('retry-after'), Date.now()),
    excerpt: await readExcerpt(response),
  };
};

/** Seconds, or a date. */
export function readRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

/** The first piece of the body; a receiver may send any amount of it. */
async function readExcerpt(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const { value } = await reader.read();
  await drain(reader);
  return new TextDecoder().decode(value?.subarray(0, EXCERPT_BYTES)).trim();
}

/** Reads what is left of a short answer, so that the connection serves again; of a long one nothing. */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  for (let bytes = 0; bytes <= DRAIN_BYTES_MAX; ) {
    const { value, done } = await reader.read();
    if (done) return;
    bytes += value.length;
  }
  await reader.cancel();
}
