import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openTokenBook } from '../../host/control/access/token-book.ts';
import { createServer, type ServerOptions } from '../../host/control/create-server.ts';
import type { Server } from '../../host/control/server-type.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The tokens of a test server with two tenants, by who carries them. */
export const TOKENS = {
  viewer: 'viewer-token-of-acme',
  deployer: 'deployer-token-of-acme',
  admin: 'admin-token-of-acme',
  stranger: 'admin-token-of-rival',
} as const;

const FILE = `
tenant acme jobs=2 modules=1MiB
token vera  viewer   acme  ${TOKENS.viewer}
token dan   deployer acme  ${TOKENS.deployer}
token ada   admin    acme  ${TOKENS.admin}
token sven  admin    rival ${TOKENS.stranger}
`;

export interface TenantServer {
  readonly server: Server;
  readonly data: string;
  readonly tokenFile: string;
}

/** A server that listens nowhere: requests are injected. */
export async function startTenantServer(
  options: Partial<ServerOptions> = {},
  file = FILE,
): Promise<TenantServer> {
  const data = options.data ?? temporaryDirectory();
  const tokenFile = join(temporaryDirectory(), 'tokens');
  writeFileSync(tokenFile, file);
  const tokens = openTokenBook(tokenFile, { nowMs: () => Date.now(), onFault: () => {} });
  const server = await createServer({ data, warmRunner: false, tokens, ...options });
  onTestFinished(() => server.close());
  return { server, data, tokenFile };
}

export function bearer(who: keyof typeof TOKENS): { readonly authorization: string } {
  return { authorization: `Bearer ${TOKENS[who]}` };
}
