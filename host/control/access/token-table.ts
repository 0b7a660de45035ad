import { createHash, timingSafeEqual } from 'node:crypto';
import { MillraceError } from '../../errors.ts';
import { isName } from '../../model/name.ts';
import { parseSize } from '../../model/quantity.ts';
import {
  TENANT_JOBS_MAX,
  TENANT_MODULE_BYTES_MAX,
  TOKEN_CHARS_MIN,
  TOKENS_MAX,
} from '../../server-limits.ts';
import { type Caller, DEFAULT_TENANT, ROLES, type Role } from './caller.ts';

/** What a tenant may have at once. */
export interface Quota {
  /** Jobs that have not ended. */
  readonly jobs: number;
  /** Bytes of the versions in the catalog. */
  readonly moduleBytes: number;
}

/** The tokens of a server and whom they stand for. */
export interface TokenTable {
  readonly tokens: readonly { readonly digest: Buffer; readonly caller: Caller }[];
  readonly quotas: ReadonlyMap<string, Quota>;
}

export const DEFAULT_QUOTA: Quota = {
  jobs: TENANT_JOBS_MAX,
  moduleBytes: TENANT_MODULE_BYTES_MAX,
};

const DIGEST = /^sha256:([0-9a-f]{64})$/;

/** The table of one token, an admin of the default tenant. */
export function singleToken(token: string): TokenTable {
  const caller: Caller = { name: 'token', role: 'admin', tenant: DEFAULT_TENANT };
  return { tokens: [{ digest: digestOf(token), caller }], quotas: new Map() };
}

/**
 * Reads a token file: one word, which is a token of an admin, or lines.
 *
 *     # roles: viewer, deployer, admin
 *     tenant acme jobs=10 modules=256MiB
 *     token  ci    deployer acme    sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8
 *     token  alice admin    default 4f1c0a…
 *
 * A token stands there itself or as its SHA-256. Throws `USAGE` with every line that is wrong.
 */
export function readTokenTable(text: string, path: string): TokenTable {
  const word = text.trim();
  if (word !== '' && !/\s/.test(word)) {
    if (word.length >= TOKEN_CHARS_MIN) return singleToken(word);
    throw noTokens(path, []);
  }
  const faults: string[] = [];
  const tokens: { readonly digest: Buffer; readonly caller: Caller }[] = [];
  const quotas = new Map<string, Quota>();
  for (const [i, line] of text.split('\n').entries()) {
    const words = line
      .replace(/(^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    if (words[0] === '') continue;
    const fault = words[0] === 'tenant' ? addTenant(words, quotas) : addToken(words, tokens);
    if (fault !== undefined) faults.push(`line ${i + 1}: ${fault}`);
  }
  if (tokens.length > TOKENS_MAX) faults.push(`${tokens.length} tokens, limit ${TOKENS_MAX}`);
  if (faults.length > 0 || tokens.length === 0) throw noTokens(path, faults);
  return { tokens, quotas };
}

/** Whom a token stands for. Every token of the table is compared, each in constant time. */
export function findCaller(table: TokenTable, given: string): Caller | undefined {
  const digest = digestOf(given);
  let found: Caller | undefined;
  for (const token of table.tokens) {
    if (timingSafeEqual(token.digest, digest)) found = token.caller;
  }
  return found;
}

function addToken(
  words: readonly string[],
  tokens: { readonly digest: Buffer; readonly caller: Caller }[],
): string | undefined {
  const [kind, name, role, tenant, secret] = words;
  if (kind !== 'token') return 'it begins with neither "token" nor "tenant"';
  if (words.length !== 5) return 'expected "token NAME ROLE TENANT SECRET"';
  if (!isName(name)) return `${quote(name)} is no name`;
  if (!ROLES.includes(role as Role)) return `${quote(role)} is no role: ${ROLES.join(', ')}`;
  if (!isTenant(tenant)) return `${quote(tenant)} is no name of a tenant`;
  const digest = DIGEST.exec(secret)?.[1];
  if (digest === undefined && secret.length < TOKEN_CHARS_MIN) {
    return `the token of "${name}" has fewer than ${TOKEN_CHARS_MIN} characters`;
  }
  if (tokens.some(({ caller }) => caller.name === name)) return `"${name}" stands twice`;
  const bytes = digest === undefined ? digestOf(secret) : Buffer.from(digest, 'hex');
  if (tokens.some((token) => token.digest.equals(bytes))) return `"${name}" repeats another token`;
  tokens.push({ digest: bytes, caller: { name, role: role as Role, tenant } });
  return undefined;
}

function addTenant(words: readonly string[], quotas: Map<string, Quota>): string | undefined {
  const [, tenant, ...settings] = words;
  if (tenant === undefined || !isTenant(tenant))
    return `${quote(tenant ?? '')} is no name of a tenant`;
  if (quotas.has(tenant)) return `tenant "${tenant}" stands twice`;
  let quota = DEFAULT_QUOTA;
  for (const setting of settings) {
    const [key, value] = setting.split('=');
    const amount = key === 'modules' ? parseSize(value ?? '') : Number(value);
    if (amount === undefined || !Number.isSafeInteger(amount) || amount < 0) {
      return `${quote(setting)} is no quota`;
    }
    if (key === 'jobs') quota = { ...quota, jobs: amount };
    else if (key === 'modules') quota = { ...quota, moduleBytes: amount };
    else return `there is no quota ${quote(key)}`;
  }
  quotas.set(tenant, quota);
  return undefined;
}

/** A tenant is a folder's name, so one spelling is one tenant, on any file system. */
function isTenant(name: string): boolean {
  return isName(name) && name === name.toLowerCase();
}

function noTokens(path: string, faults: readonly string[]): MillraceError {
  return new MillraceError('USAGE', `token file "${path}" holds no token`, {
    details: faults,
    hint: `it holds one word of at least ${TOKEN_CHARS_MIN} characters (openssl rand -hex 32 gives one), or lines "token NAME ROLE TENANT SECRET"`,
  });
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
