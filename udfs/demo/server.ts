import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../host/cli/millrace.js', import.meta.url));

/** A Millrace server in a process of its own, as a user starts it. */
export interface DemoServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts `millrace serve` on a free port and waits until it has said where. */
export async function startServer(data: string): Promise<DemoServer> {
  const child = spawn(
    process.execPath,
    [COMMAND, 'serve', '--json', '--port', '0', '--data', data],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = await Promise.race([once(child.stdout, 'data'), exitOf(child)]);
  return {
    url: JSON.parse(String(line)).url,
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function exitOf(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`the server ended with code ${code} before it was ready`);
}

/** One request to the server's HTTP interface; an error answer is thrown as text. */
export async function request<T>(
  server: DemoServer,
  path: string,
  init: RequestInit = {},
): Promise<T> {
  const response = await fetch(new URL(path, server.url), init);
  const text = await response.text();
  if (!response.ok)
    throw new Error(`${init.method ?? 'GET'} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}

/** The same with a JSON body. */
export function post<T>(server: DemoServer, path: string, body: object): Promise<T> {
  return request<T>(server, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
