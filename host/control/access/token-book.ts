import { readFileSync, statSync } from 'node:fs';
import { MillraceError } from '../../errors.ts';
import { TOKEN_FILE_BYTES_MAX, TOKEN_FILE_CHECK_MS } from '../../server-limits.ts';
import type { Caller } from './caller.ts';
import {
  DEFAULT_QUOTA,
  findCaller,
  type Quota,
  readTokenTable,
  singleToken,
  type TokenTable,
} from './token-table.ts';

/** The tokens of a server as they are now. */
export interface TokenBook {
  /** Whom a token stands for; undefined = nobody. */
  find(token: string): Caller | undefined;
  quota(tenant: string): Quota;
}

/** A book of one token that stays. */
export function singleTokenBook(token: string): TokenBook {
  return bookOf(() => singleToken(token));
}

/**
 * The book in a file, which is read again when it has changed: a token that was added counts, one that was taken out does not. A file that
 * cannot be read then leaves the tokens as they are, and `onFault` hears of it. Throws `USAGE` when it cannot be read at first.
 */
export function openTokenBook(
  path: string,
  options: { readonly nowMs: () => number; readonly onFault: (error: MillraceError) => void },
): TokenBook {
  const { nowMs, onFault } = options;
  let version = versionOf(path);
  let table = readTable(path);
  let checkedMs = nowMs();
  return bookOf(() => {
    if (nowMs() - checkedMs < TOKEN_FILE_CHECK_MS) return table;
    checkedMs = nowMs();
    const now = versionOf(path);
    if (now === version) return table;
    version = now;
    try {
      table = readTable(path);
    } catch (thrown) {
      onFault(MillraceError.from(thrown));
    }
    return table;
  });
}

function bookOf(table: () => TokenTable): TokenBook {
  return {
    find: (token) => findCaller(table(), token),
    quota: (tenant) => table().quotas.get(tenant) ?? DEFAULT_QUOTA,
  };
}

function readTable(path: string): TokenTable {
  let text: string;
  try {
    if (statSync(path).size > TOKEN_FILE_BYTES_MAX) throw new Error('it is too large');
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MillraceError('USAGE', `cannot read token file "${path}"`, {
      hint: 'write a long random text into it, such as openssl rand -hex 32 gives',
      cause,
    });
  }
  return readTokenTable(text, path);
}

/** Changes when the file does. */
function versionOf(path: string): string {
  try {
    const { mtimeMs, ctimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch {
    return 'none';
  }
}
