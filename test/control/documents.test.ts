import { expect, onTestFinished, test } from 'vitest';
import { createDocumentReader } from '../../host/control/document-reader.ts';
import { DOCUMENT_INLINE_BYTES_MAX } from '../../host/server-limits.ts';

function reader(timeoutMs?: number) {
  const documents = createDocumentReader(timeoutMs);
  onTestFinished(() => documents.close());
  return documents;
}

/** A document of about so many bytes that takes its reader long: many small nodes. */
function largeDocument(bytes: number): string {
  const lines = ['name: large', 'sources: { in: { connector: generator, fields:'];
  for (let i = 0, length = 0; length < bytes; i++) {
    const line = `  [${i}, [a, {c: d}], "${'g'.repeat(60)}"],`;
    lines.push(i === 0 ? `  [${line}` : line);
    length += line.length + 1;
  }
  return `${lines.join('\n')}\n  [] ] } }\nsinks: { out: { from: in, connector: stdout } }\n`;
}

test('a document of 1 MiB is read without stalling this thread', { timeout: 150_000 }, async () => {
  const documents = reader();
  // The thread starts with the first one.
  const warm = largeDocument(2 * DOCUMENT_INLINE_BYTES_MAX);
  expect(await documents.read(warm)).toMatchObject({ name: 'large' });
  const text = largeDocument(900_000);
  // What this thread works, not how long it waits: a busy machine makes every thread wait. The best of a few, for the collector of
  // garbage works in it as well.
  const workMs: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const before = process.threadCpuUsage();
    expect((await documents.read(text)).name).toBe('large');
    const { user, system } = process.threadCpuUsage(before);
    workMs.push((user + system) / 1_000);
  }
  expect(Math.min(...workMs)).toBeLessThan(50);
});

test('long and short documents have the same findings', async () => {
  const documents = reader();
  const wrong = 'name: wrong\nsources: {}\nsinks: {}\n';
  const long = `${wrong}# ${'x'.repeat(DOCUMENT_INLINE_BYTES_MAX)}\n`;
  const findings = async (text: string) =>
    documents.read(text).then(
      () => undefined,
      ({ code, details }) => ({ code, details }),
    );
  expect(await findings(long)).toEqual(await findings(wrong));
  expect(await findings(long)).toMatchObject({ code: 'PIPELINE_INVALID' });
});

test('a document that takes too long is given up, and the next one is read', async () => {
  const documents = reader(1);
  await expect(documents.read(largeDocument(500_000))).rejects.toMatchObject({
    code: 'PIPELINE_UNREADABLE',
  });
});
