import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';
import { assertOutboundHost, type Outbound, outboundLookup } from './outbound.ts';

export interface OutboundRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

/** Statuses whose answers have no body, not even an empty one. */
const WITHOUT_BODY = [204, 205, 304];

/**
 * Sends one request over HTTP or HTTPS, to an address that may be reached; redirects are answers like any other. Rejects with
 * `ADDRESS_REFUSED`, with the signal's reason, and with what the system says when there is no answer. Its own, since `fetch` does not let its caller see
 * which address a name turned into.
 */
export async function outboundFetch(
  url: string,
  request: OutboundRequest,
  allowed: Outbound,
): Promise<Response> {
  const { method, headers, body, signal } = request;
  const target = new URL(url);
  assertOutboundHost(target.hostname, allowed);
  const send = target.protocol === 'https:' ? requestHttps : requestHttp;
  const answer = Promise.withResolvers<Response>();
  const sent = send(
    target,
    {
      method,
      headers: body === undefined ? headers : { ...headers, 'content-length': body.length },
      lookup: outboundLookup(allowed),
      signal,
    },
    (response) => {
      try {
        answer.resolve(responseOf(response));
      } catch (thrown) {
        response.destroy();
        answer.reject(thrown);
      }
    },
  );
  sent.once('error', (cause) => answer.reject(signal.aborted ? signal.reason : cause));
  sent.end(body);
  return await answer.promise;
}

function responseOf(response: IncomingMessage): Response {
  const status = response.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  if (WITHOUT_BODY.includes(status)) {
    response.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(response) as ReadableStream<Uint8Array>, { status, headers });
}
