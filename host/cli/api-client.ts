import { type ErrorReport, MillraceError } from '../errors.ts';

/** Where the server is and how to be let in. */
export interface ServerAddress {
  readonly url: string;
  readonly token: string | undefined;
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: Uint8Array | string | object;
  /** Only for bodies given as bytes or text; objects are JSON. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** The server's HTTP interface, with its errors as MillraceErrors. */
export interface ApiClient {
  /** The JSON answer. Throws the server's own error, or `SERVER_UNREACHABLE`. */
  json<T>(path: string, request?: ApiRequest): Promise<T>;
  bytes(path: string): Promise<Uint8Array>;
  /** The `data` of each server-sent event, until the server or the signal ends it. */
  events(path: string, signal?: AbortSignal): AsyncIterable<string>;
}

/** A client for one server. */
export function createApiClient(address: ServerAddress): ApiClient {
  return {
    async json<T>(path: string, request: ApiRequest = {}) {
      const response = await send(address, path, request);
      return (response.status === 204 ? undefined : await response.json()) as T;
    },
    async bytes(path) {
      return new Uint8Array(await (await send(address, path, {})).arrayBuffer());
    },
    async *events(path, signal) {
      const response = await send(address, path, { signal });
      if (response.body !== null) yield* eventData(response.body);
    },
  };
}

async function send(address: ServerAddress, path: string, request: ApiRequest): Promise<Response> {
  const { body, contentType } = encodeBody(request);
  const headers: Record<string, string> = {};
  if (contentType !== undefined) headers['content-type'] = contentType;
  if (address.token !== undefined) headers.authorization = `Bearer ${address.token}`;
  let response: Response;
  try {
    response = await fetch(new URL(path, address.url), {
      method: request.method ?? 'GET',
      headers,
      body,
      signal: request.signal,
    });
  } catch (cause) {
    if (request.signal?.aborted) throw cause;
    throw new MillraceError('SERVER_UNREACHABLE', `no server answers at ${address.url}`, {
      hint: 'start one with "millrace serve", or name another with --server or MILLRACE_SERVER',
      cause,
    });
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

function encodeBody(request: ApiRequest): { body?: BodyInit; contentType?: string } {
  const { body } = request;
  if (body === undefined) return {};
  if (typeof body === 'string' || body instanceof Uint8Array) {
    return { body: body as BodyInit, contentType: request.contentType };
  }
  return { body: JSON.stringify(body), contentType: 'application/json' };
}

async function errorOf(response: Response): Promise<MillraceError> {
  const text = await response.text();
  try {
    return MillraceError.fromReport(JSON.parse(text) as ErrorReport);
  } catch {
    return new MillraceError(
      'INTERNAL',
      `the server answered ${response.status}: ${text.slice(0, 200)}`,
      {
        hint: 'is it a Millrace server?',
      },
    );
  }
}

async function* eventData(body: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true });
    const events = pending.split('\n\n');
    pending = events.pop() ?? '';
    for (const event of events) {
      const data = event.split('\n').filter((line) => line.startsWith('data:'));
      if (data.length > 0) yield data.map((line) => line.slice(5).trimStart()).join('\n');
    }
  }
}
