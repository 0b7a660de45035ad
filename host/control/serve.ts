import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { OutboundRange } from '../connectors/outbound.ts';
import { MillraceError } from '../errors.ts';
import { readStorageLocation } from '../storage/storage-location.ts';
import { openTokenBook } from './access/token-book.ts';
import { admitSameOrigin, isLoopbackName } from './admit-request.ts';
import { createServer } from './create-server.ts';

export interface ServeOptions {
  /** 0 = any that is free. */
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly tokenFile: string | undefined;
  /** `s3://bucket/prefix`; undefined = in the data directory. */
  readonly checkpoints?: string | undefined;
  /** Files with key and certificate chain, PEM; both or neither. */
  readonly tlsKey?: string | undefined;
  readonly tlsCert?: string | undefined;
  /** Addresses that jobs may reach though they are of this machine or its network alone. */
  readonly allowOutbound?: readonly OutboundRange[] | undefined;
}

export interface RunningServer {
  readonly url: string;
  /** Stops serving. Running jobs go on. */
  close(): Promise<void>;
}

/** Starts a server. Throws `BIND_REFUSED`, `PORT_TAKEN`, `DATA_DIRECTORY`, `USAGE`. Prints nothing. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { data, host, port, tokenFile } = options;
  let report = (_error: MillraceError): void => {};
  const tokens =
    tokenFile === undefined
      ? undefined
      : openTokenBook(tokenFile, { nowMs: () => Date.now(), onFault: (error) => report(error) });
  if (tokens === undefined && !isLoopbackName(host)) throw bindRefused(host);
  const tls = readTls(options);
  const server = await createServer({
    data,
    tokens,
    tls,
    checkpoints:
      options.checkpoints === undefined
        ? undefined
        : readStorageLocation(options.checkpoints, process.env),
    admit: tokens === undefined ? admitSameOrigin() : undefined,
    savepointsAnywhere: tokens === undefined,
    // Who needs no token sits at this machine and reaches it anyway.
    outbound: options.allowOutbound ?? (tokens === undefined ? ['loopback'] : []),
  });
  report = (error) => server.log.error(error);
  try {
    await server.listen({ host, port });
  } catch (thrown) {
    await server.close();
    throw listenFailed(thrown, host, port);
  }
  const address = server.server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  const scheme = tls === undefined ? 'http' : 'https';
  return { url: `${scheme}://${name}:${address.port}`, close: () => server.close() };
}

function readTls({ tlsKey, tlsCert }: ServeOptions): { key: Buffer; cert: Buffer } | undefined {
  if (tlsKey === undefined && tlsCert === undefined) return undefined;
  if (tlsKey === undefined || tlsCert === undefined) {
    throw new MillraceError('USAGE', 'TLS needs a key and a certificate', {
      hint: 'give both --tls-key FILE and --tls-cert FILE, in PEM',
    });
  }
  const [key, cert] = [tlsKey, tlsCert].map((path) => {
    try {
      return readFileSync(path);
    } catch (cause) {
      throw new MillraceError('USAGE', `cannot read "${path}"`, {
        hint: 'give files in PEM that this user may read',
        cause,
      });
    }
  });
  try {
    createSecureContext({ key, cert });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MillraceError(
      'USAGE',
      `"${tlsKey}" and "${tlsCert}" are no key and certificate: ${reason}`,
      {
        hint: 'give a private key and its certificate chain, both in PEM',
        cause,
      },
    );
  }
  return { key, cert };
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
