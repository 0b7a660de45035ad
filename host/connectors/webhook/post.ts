import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { assertOutboundHost, type Outbound, outboundLookup } from '../outbound.ts';

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
  const target = new URL(url);
  assertOutboundHost(target.hostname, outbound);
  const send = target.protocol === 'https:' ? requestHttps : requestHttp;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const answer = Promise.withResolvers<PostAnswer>();
  const request = send(
    target,
    {
      method: 'POST',
      headers: { ...headers, 'content-length': body.length },
      lookup: outboundLookup(outbound),
      signal: limit,
    },
    (response) => {
      response.once('error', answer.reject);
      // The first piece of the body; a receiver may send any amount of it.
      const excerpt = new Promise<string>((resolve) => {
        response.once('data', (chunk: Buffer) =>
          resolve(new TextDecoder().decode(chunk.subarray(0, EXCERPT_BYTES)).trim()),
        );
        response.once('end', () => resolve(''));
      });
      const retryAfter = response.headers['retry-after'] ?? null;
      excerpt.then((text) => {
        answer.resolve({
          status: response.statusCode ?? 0,
          retryAfterMs: readRetryAfter(retryAfter, Date.now()),
          excerpt: text,
        });
        drain(response);
      });
    },
  );
  request.once('error', (cause) => answer.reject(limit.aborted ? limit.reason : cause));
  request.end(body);
  return await answer.promise;
};

/** Seconds, or a date. */
export function readRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

/** Reads what is left of a short answer, so that the connection serves again; of a long one nothing. */
function drain(response: IncomingMessage): void {
  let bytes = 0;
  response.on('error', () => {});
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DRAIN_BYTES_MAX) response.destroy();
  });
}
