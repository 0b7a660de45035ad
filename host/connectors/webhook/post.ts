/** One request of the sink and what came of it. */
export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  /** Cuts the request when the job closes. */
  readonly signal: AbortSignal;
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

/** Over HTTP or HTTPS. A redirect is an answer like any other: the receiver's address is what the pipeline says. */
export const postOverHttp: Post = async ({ url, headers, body, timeoutMs, signal }) => {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: body as Uint8Array<ArrayBuffer>,
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
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
  await reader.cancel();
  return new TextDecoder().decode(value?.subarray(0, EXCERPT_BYTES)).trim();
}
