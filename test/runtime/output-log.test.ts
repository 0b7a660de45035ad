import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LogCursor } from '../../host/connectors/http/log-cursor.ts';
import { segmentBases } from '../../host/connectors/http/log-directory.ts';
import { logFiles } from '../../host/connectors/http/log-files.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { openOutputLog } from '../../host/runtime/output-log.ts';
import { OUTPUT_ENTRY_BYTES } from '../../host/server-limits.ts';
import { decodeBatch, encodeBatch } from '../kit/rows.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const rowsOf = (texts: readonly string[]) =>
  encodeBatch(
    LINE_SCHEMA,
    texts.map((text) => ({ text })),
  );

function open(directory: string) {
  return openOutputLog({ directory, files: logFiles, keptBytes: 2_000, segmentBytes: 500 });
}

/** The texts that the log keeps, in order. */
function kept(directory: string): readonly unknown[] {
  const [oldest = 0] = segmentBases(readdirSync(directory));
  const cursor = new LogCursor(directory, oldest);
  const texts: unknown[] = [];
  for (let next = cursor.next(); next !== undefined; next = cursor.next()) {
    const batch = { bytes: next.rows.slice(), count: next.batch.count };
    texts.push(...decodeBatch(LINE_SCHEMA, batch).map(({ text }) => text));
  }
  cursor.close();
  return texts;
}

test('keeps what is delivered, and what is delivered again once, also after a restart', async () => {
  const directory = join(temporaryDirectory(), 'output', 'out');
  const log = await open(directory);
  log.append(rowsOf(['a', 'b']), 'first');
  log.append(rowsOf(['a', 'b']), 'first');
  log.append(rowsOf([]), 'nothing');
  log.close();
  const again = await open(directory);
  again.append(rowsOf(['a', 'b']), 'first');
  again.append(rowsOf(['c']), 'second');
  again.close();
  expect(kept(directory)).toEqual(['a', 'b', 'c']);
});

test('drops the oldest, and does not take it again', async () => {
  const directory = temporaryDirectory();
  const log = await open(directory);
  for (let i = 0; i < 100; i++) log.append(rowsOf([`record ${i}`]), `key ${i}`);
  const before = kept(directory);
  expect(before.length).toBeLessThan(40);
  expect(before.at(-1)).toBe('record 99');
  log.close();
  const again = await open(directory);
  for (let i = 0; i < 100; i++) again.append(rowsOf([`record ${i}`]), `key ${i}`);
  again.close();
  expect(kept(directory)).toEqual(before);
});

test('cuts a large delivery into entries that readers can take', async () => {
  const directory = temporaryDirectory();
  const log = await openOutputLog({ directory, files: logFiles });
  const texts = Array.from({ length: 5 }, (_, i) => String(i).repeat(OUTPUT_ENTRY_BYTES / 2));
  log.append(rowsOf(texts), 'large');
  log.append(rowsOf(texts), 'large');
  log.close();
  expect(kept(directory)).toEqual(texts);
});

test('a log that cannot be written says so', async () => {
  const directory = temporaryDirectory();
  const log = await open(directory);
  rmSync(directory, { recursive: true });
  expect(() => log.append(rowsOf(['a']), 'key')).toThrow(
    expect.objectContaining({ code: 'STORAGE_FAILED' }),
  );
  log.close();
});
