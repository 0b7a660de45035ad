import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { MillraceError } from '../errors.ts';
import { TOKEN_CHARS_MIN } from '../limits.ts';
import { admitSameOrigin, isLoopbackName } from './admit-request.ts';
import { createServer } from './create-server.ts';

export interface ServeOptions {
  /** 0 = any that is free. */
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly tokenFile: string | undefined;
}

export interface RunningServer {
  readonly url: string;
  /** Stops serving. Running jobs go on. */
  close(): Promise<void>;
}

/** Starts a server. Throws `BIND_REFUSED`, `PORT_TAKEN`, `DATA_DIRECTORY`, `USAGE`. Prints nothing. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { data, host, port, tokenFile } = options;
  const token = tokenFile === undefined ? undefined : readToken(tokenFile);
  if (token === undefined && !isLoopbackName(host)) throw bindRefused(host);
  const admit = token === undefined ? admitSameOrigin() : undefined;
  const savepointsAnywhere = token === undefined;
  const server = await createServer({ data, token, admit, savepointsAnywhere });
  try {
    await server.listen({ host, port });
  } catch (thrown) {
    await server.close();
    throw listenFailed(thrown, host, port);
  }
  const address = server.server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `http://${name}:${address.port}`, close: () => server.close() };
}

function readToken(path: string): string {
  let token: string;
  try {
    token = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new MillraceError('USAGE', `cannot read token file "${path}"`, {
      hint: 'write a long random text into it, such as openssl rand -hex 32 gives',
      cause,
    });
  }
  if (token.length >= TOKEN_CHARS_MIN && !/\s/.test(token)) return token;
  throw new MillraceError('USAGE', `token file "${path}" holds no token`, {
    hint: `a token is one word of at least ${TOKEN_CHARS_MIN} characters; openssl rand -hex 32 gives one`,
  });
}

function bindRefused(host: string): MillraceError {
  return new MillraceError(
    'BIND_REFUSED',
    `the server does not bind to "${host}" without a token`,
    {
      hint: 'add --token-file FILE, or bind to 127.0.0.1',
    },
  );
}

function listenFailed(thrown: unknown, host: string, port: number): MillraceError {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new MillraceError('PORT_TAKEN', `port ${port} of ${host} is in use`, {
      hint: 'stop what listens there, or choose another with --port',
      cause: thrown,
    });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new MillraceError('USAGE', `cannot listen on ${host}:${port}: ${code}`, {
      hint: 'choose an address of this machine and a port above 1023',
      cause: thrown,
    });
  }
  return MillraceError.from(thrown);
}
