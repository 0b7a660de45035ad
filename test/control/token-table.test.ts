import { createHash } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTokenBook } from '../../host/control/access/token-book.ts';
import { findCaller, readTokenTable } from '../../host/control/access/token-table.ts';
import { MillraceError } from '../../host/errors.ts';
import { TENANT_JOBS_MAX, TOKEN_FILE_CHECK_MS, TOKENS_MAX } from '../../host/server-limits.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const SECRET = 'a-secret-of-some-length';
const OTHER = 'another-secret-of-length';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('one word is the token of an admin of the default tenant', () => {
  const table = readTokenTable(`${SECRET}\n`, 'file');
  expect(findCaller(table, SECRET)).toEqual({ name: 'token', role: 'admin', tenant: 'default' });
  expect(findCaller(table, OTHER)).toBeUndefined();
  expect(findCaller(table, '')).toBeUndefined();
});

test('lines give tokens names, roles and tenants, and tenants quotas', () => {
  const table = readTokenTable(
    `
# who may do what
tenant acme jobs=2 modules=1MiB   # small
token ci    deployer acme    sha256:${sha256(SECRET)}
token alice admin    default ${OTHER}
`,
    'file',
  );
  expect(findCaller(table, SECRET)).toEqual({ name: 'ci', role: 'deployer', tenant: 'acme' });
  expect(findCaller(table, OTHER)).toEqual({ name: 'alice', role: 'admin', tenant: 'default' });
  expect(findCaller(table, `sha256:${sha256(SECRET)}`)).toBeUndefined();
  expect(table.quotas.get('acme')).toEqual({ jobs: 2, moduleBytes: 2 ** 20 });
});

test.each([
  ['', /holds no token/],
  ['short', /holds no token/],
  ['tenant acme', /holds no token/],
  [`token ci owner acme ${SECRET}`, /"owner" is no role/],
  [`token ci admin Acme ${SECRET}`, /"Acme" is no name of a tenant/],
  [`token ci admin ../x ${SECRET}`, /is no name of a tenant/],
  [`token c/i admin acme ${SECRET}`, /"c\/i" is no name/],
  ['token ci admin acme short', /fewer than 16/],
  [`token ci admin ${SECRET}`, /expected "token NAME/],
  [`token a admin x ${SECRET}\ntoken b viewer x ${SECRET}`, /line 2: "b" repeats another token/],
  [`token a admin x ${SECRET}\ntoken a viewer x ${OTHER}`, /line 2: "a" stands twice/],
  [`tokens ci admin acme ${SECRET}`, /begins with neither/],
  [`tenant acme jobs=many\ntoken a admin x ${SECRET}`, /"jobs=many" is no quota/],
  [`tenant acme cores=1\ntoken a admin x ${SECRET}`, /no quota "cores"/],
  [`tenant acme\ntenant acme\ntoken a admin x ${SECRET}`, /stands twice/],
])('refuses %j', (text, reason) => {
  try {
    readTokenTable(text, 'file');
    expect.unreachable();
  } catch (thrown) {
    const error = MillraceError.from(thrown);
    expect(error.code).toBe('USAGE');
    expect([error.message, ...error.details].join('\n')).toMatch(reason);
    expect([error.message, ...error.details].join('\n')).not.toContain(SECRET);
  }
});

test('refuses more tokens than each request can be compared with', () => {
  const lines = Array.from(
    { length: TOKENS_MAX + 1 },
    (_, i) => `token t${i} viewer x ${SECRET}${i}`,
  );
  expect(() => readTokenTable(lines.join('\n'), 'file')).toThrow(/holds no token/);
});

describe('a token file', () => {
  function open(text: string) {
    const path = join(temporaryDirectory(), 'tokens');
    writeFileSync(path, text);
    let nowMs = 0;
    const faults: string[] = [];
    const onFault = ({ code }: MillraceError) => void faults.push(code);
    const book = openTokenBook(path, { nowMs: () => nowMs, onFault });
    const later = () => {
      nowMs += TOKEN_FILE_CHECK_MS;
    };
    return { path, book, faults, later };
  }

  test('is read again when it has changed: rotation needs no restart', () => {
    const { path, book, later } = open(SECRET);
    writeFileSync(`${path}.new`, `token new admin default ${OTHER}`);
    renameSync(`${path}.new`, path);
    expect(book.find(SECRET)).toBeDefined();
    later();
    expect(book.find(SECRET)).toBeUndefined();
    expect(book.find(OTHER)).toMatchObject({ name: 'new' });
    expect(book.quota('default')).toMatchObject({ jobs: TENANT_JOBS_MAX });
  });

  test('that is damaged or gone leaves the tokens as they are, and says so once', () => {
    const { path, book, faults, later } = open(SECRET);
    writeFileSync(path, 'token broken');
    later();
    expect(book.find(SECRET)).toBeDefined();
    later();
    expect(book.find(SECRET)).toBeDefined();
    expect(faults).toEqual(['USAGE']);
    rmSync(path);
    later();
    expect(book.find(SECRET)).toBeDefined();
    expect(faults).toEqual(['USAGE', 'USAGE']);
    writeFileSync(path, OTHER);
    later();
    expect(book.find(SECRET)).toBeUndefined();
    expect(book.find(OTHER)).toBeDefined();
  });
});
