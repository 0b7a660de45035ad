import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { createServer, type ServerOptions } from '../../host/control/create-server.ts';
import type { ErrorReport } from '../../host/errors.ts';

/** A real server on a free port of loopback. */
export interface TestServer {
  readonly url: string;
  /** The JSON of an answer whose status must be below 400. */
  request<T>(path: string, init?: RequestInit): Promise<T>;
  /** The status and error of an answer whose status must be above. */
  refusal(path: string, init?: RequestInit): Promise<ErrorReport & { readonly status: number }>;
  /** Stops serving; jobs go on. */
  close(): Promise<void>;
}

/** Starts a server on `data`. It is closed when the test ends, if it was not before; its jobs are cancelled then. */
export async function startTestServer(
  data: string,
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const server = await createServer({ data, warmRunner: false, ...options });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  let open = true;
  const headers: Record<string, string> =
    options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const send = (path: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, { ...init, headers: { ...headers, ...(init.headers as object) } });
  const close = async () => {
    open = false;
    await server.close();
  };
  onTestFinished(async () => {
    if (!open) return;
    const { jobs } = (await (await send('/v1/jobs')).json()) as {
      readonly jobs?: readonly { readonly id: string; readonly endedAtMs: number | null }[];
    };
    for (const { id, endedAtMs } of jobs ?? []) {
      if (endedAtMs === null) await send(`/v1/jobs/${id}`, { method: 'DELETE' });
    }
    await close();
  });
  return {
    url,
    close,
    async request<T>(path: string, init?: RequestInit) {
      const response = await send(path, init);
      const text = await response.text();
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    async refusal(path, init) {
      const response = await send(path, init);
      if (response.ok) throw new Error(`${path} answered ${response.status}`);
      return { status: response.status, ...((await response.json()) as ErrorReport) };
    },
  };
}

/** A request with a JSON body. */
export function json(body: unknown, method = 'POST'): RequestInit {
  return { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** A request with a pipeline document. */
export function yaml(document: string): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/yaml' }, body: document };
}

/** A request with a module. */
export function wasm(bytes: Uint8Array, method: 'PUT' | 'POST' = 'PUT'): RequestInit {
  const headers = { 'content-type': 'application/wasm' };
  return { method, headers, body: new Uint8Array(bytes) };
}
