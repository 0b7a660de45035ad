import { describe, expect, test } from 'vitest';
import type { IngestLog, LogEntry } from '../../host/connectors/http/ingest-log.ts';
import { KEYS_FILE, segmentBases } from '../../host/connectors/http/log-directory.ts';
import { openIngestLog } from '../../host/connectors/http/open-ingest-log.ts';
import { HTTP_KEY_LIFE_MS } from '../../host/server-limits.ts';
import { logEntries } from '../kit/log-entries.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { type LogCall, MachineDied, MemoryLogFiles } from '../kit/memory-log-files.ts';
import { Random } from '../simulation/random.ts';

const DIRECTORY = '/log';

function entry(text: string, key = ''): LogEntry {
  const rows = new Uint8Array(Math.ceil(text.length / 8) * 8);
  rows.set(Buffer.from(text));
  const hex = (of: string, bytes: number) =>
    Buffer.from(of.padEnd(bytes, '.')).toString('hex', 0, bytes);
  return { rows, count: 1, key: key === '' ? '' : hex(key, 16), body: hex(text, 8) };
}

function open(
  files: MemoryLogFiles,
  clock = new ManualClock(),
  segmentBytes = 256,
): Promise<IngestLog> {
  return openIngestLog(DIRECTORY, { files, clock, segmentBytes });
}

/** The next call of this kind fails. */
function failOnce(files: MemoryLogFiles, call: LogCall): void {
  files.onCall = (made) => {
    if (made !== call) return;
    files.onCall = () => {};
    throw new Error('told to fail');
  };
}

/** The texts of all entries that a log holds, in order. */
async function texts(files: MemoryLogFiles, log: IngestLog): Promise<readonly string[]> {
  const entries = await logEntries(DIRECTORY, files, log);
  return entries.map(({ rows }) => Buffer.from(rows).toString().replaceAll('\0', ''));
}

test('keeps what it acknowledged, in order, across files and a restart', async () => {
  const files = new MemoryLogFiles();
  const log = await open(files);
  const positions: number[] = [];
  for (let i = 0; i < 20; i++) positions.push((await log.append(entry(`record ${i}`))).position);
  expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  expect(segmentBases(await files.list(DIRECTORY)).length).toBeGreaterThan(3);
  await log.close();
  files.die();
  const again = await open(files);
  expect(await texts(files, again)).toEqual(Array.from({ length: 20 }, (_, i) => `record ${i}`));
  expect((await again.append(entry('more'))).position).toBe(again.end - 64 - 8);
});

test('requests that come while a sync is under way share the next one', async () => {
  const files = new MemoryLogFiles();
  const log = await open(files, new ManualClock(), 1 << 20);
  let syncs = 0;
  files.onCall = (call) => {
    if (call === 'sync') syncs += 1;
  };
  await Promise.all(Array.from({ length: 500 }, (_, i) => log.append(entry(`record ${i}`))));
  expect(syncs).toBeLessThanOrEqual(3);
  expect(log.pendingBytes).toBe(0);
});

describe('an idempotency key', () => {
  test('makes a repetition harmless, under way and afterwards and after a crash', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files);
    const [first, meanwhile] = await Promise.all([
      log.append(entry('a', 'key')),
      log.append(entry('a', 'key')),
    ]);
    expect(first).toMatchObject({ repeated: false });
    expect(meanwhile).toEqual({ ...first, repeated: true });
    expect(await log.append(entry('a', 'key'))).toEqual({ ...first, repeated: true });
    files.die();
    const again = await open(files);
    expect(await again.append(entry('a', 'key'))).toEqual({ ...first, repeated: true });
    expect(await texts(files, again)).toEqual(['a']);
  });

  test('is refused with another body', async () => {
    const log = await open(new MemoryLogFiles());
    await log.append(entry('a', 'key'));
    await expect(log.append(entry('b', 'key'))).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
  });

  test('is known when the file of its entry was removed, also after a crash', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files);
    const first = await log.append(entry('a', 'key'));
    for (let i = 0; i < 20; i++) await log.append(entry(`record ${i}`));
    await log.trim(log.end);
    expect(log.start).toBeGreaterThan(first.position);
    files.die();
    const again = await open(files);
    expect(await again.append(entry('a', 'key'))).toEqual({ ...first, repeated: true });
  });

  test('is forgotten after its life', async () => {
    const clock = new ManualClock();
    const log = await open(new MemoryLogFiles(), clock);
    await log.append(entry('a', 'key'));
    clock.advance(HTTP_KEY_LIFE_MS);
    expect(await log.append(entry('a', 'key'))).toMatchObject({ repeated: true });
    clock.advance(1);
    expect(await log.append(entry('a', 'key'))).toMatchObject({ repeated: false });
  });

  test('of a request that failed may be used again', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files);
    failOnce(files, 'sync');
    await expect(log.append(entry('a', 'key'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(await log.append(entry('a', 'key'))).toMatchObject({ repeated: false });
  });
});

describe('trimming', () => {
  test('removes files that hold nothing from the position on, and no others', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files);
    for (let i = 0; i < 20; i++) await log.append(entry(`record ${i}`));
    const bases = segmentBases(await files.list(DIRECTORY));
    await log.trim(bases[2] + 1);
    expect(segmentBases(await files.list(DIRECTORY))).toEqual(bases.slice(2));
    expect(log.start).toBe(bases[2]);
    await log.trim(0);
    expect(segmentBases(await files.list(DIRECTORY))).toEqual(bases.slice(2));
  });

  test('removes nothing when the keys cannot be stored', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files);
    for (let i = 0; i < 20; i++) await log.append(entry(`record ${i}`, `key ${i}`));
    const before = files.names;
    failOnce(files, 'sync');
    await expect(log.trim(log.end)).rejects.toThrow('told to fail');
    expect(files.names.filter((name) => !name.endsWith('keys.new'))).toEqual(before);
  });
});

describe('a fault of the disk', () => {
  test('a failed sync is never trusted again: what it covered counts for nothing', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files, new ManualClock(), 1 << 20);
    await log.append(entry('kept'));
    failOnce(files, 'sync');
    await expect(log.append(entry('lost'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      hint: expect.stringContaining('Idempotency-Key'),
    });
    await log.append(entry('after'));
    expect(await texts(files, log)).toEqual(['kept', 'after']);
    files.die();
    expect(await texts(files, await open(files))).toEqual(['kept', 'after']);
  });

  test('a server that dies after a failed sync writes what it finds anew before it counts', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files, new ManualClock(), 1 << 20);
    await log.append(entry('kept'));
    failOnce(files, 'sync');
    await expect(log.append(entry('unsure'))).rejects.toThrow();
    // The process dies here; the system's cache shows bytes that its disk does not have.
    const again = await open(files, new ManualClock(), 1 << 20);
    const found = await texts(files, again);
    files.die();
    expect(await texts(files, await open(files))).toEqual(found);
  });

  test('a failed write leaves nothing behind', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files);
    failOnce(files, 'write');
    await expect(log.append(entry('lost'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await log.append(entry('after'));
    expect(await texts(files, log)).toEqual(['after']);
  });

  test('after a failed sync of the directory nothing is taken until the log is opened again', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files);
    failOnce(files, 'syncDirectory');
    await expect(log.append(entry('lost'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await expect(log.append(entry('lost'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    const again = await open(files);
    await again.append(entry('after'));
    expect(await texts(files, again)).toEqual(['after']);
  });

  test('damage in what was acknowledged is told and not cut away', async () => {
    const files = new MemoryLogFiles();
    const log = await open(files, new ManualClock(), 1 << 20);
    for (let i = 0; i < 3; i++) await log.append(entry(`record ${i}`));
    const [path] = files.names.filter((name) => name.endsWith('.log'));
    const bytes = files.bytesOf(path)?.slice() as Uint8Array;
    bytes[80] ^= 1;
    bytes[72] ^= 1;
    files.replace(path, bytes);
    await expect(open(files)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    files.replace(path, bytes.subarray(0, 64));
    await expect(open(files)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  test('a damaged file of keys is told', async () => {
    const files = new MemoryLogFiles();
    await (await open(files)).append(entry('a'));
    files.replace(`${DIRECTORY}/${KEYS_FILE}`, new Uint8Array(40));
    await expect(open(files)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
});

test('the end of the input is kept, and nothing comes behind it', async () => {
  const files = new MemoryLogFiles();
  const log = await open(files);
  const [, , late] = await Promise.allSettled([
    log.append(entry('a', 'key')),
    log.finish(),
    log.append(entry('late')),
  ]);
  expect(late).toMatchObject({ status: 'rejected', reason: { code: 'JOB_STATE' } });
  await log.finish();
  files.die();
  const again = await open(files);
  expect(again.ended).toBe(true);
  await expect(again.append(entry('late'))).rejects.toMatchObject({ code: 'JOB_STATE' });
  expect(await again.append(entry('a', 'key'))).toMatchObject({ repeated: true });
});

/** The machine dies at a call, with a part of what was not synced; senders repeat what was not acknowledged, with their keys. */
describe.each([1, 2, 3, 4])('wherever the machine dies, round %i', (round) => {
  test('what was acknowledged is there once, in order', async () => {
    for (let seed = round * 1_000; seed < round * 1_000 + 100; seed++) await dieSomewhere(seed);
  });
});

async function dieSomewhere(seed: number): Promise<void> {
  const random = new Random(seed, 'log');
  const pick = (below: number) => random.between(0, below - 1);
  const files = new MemoryLogFiles();
  const acknowledged: string[] = [];
  let next = 0;
  for (let life = 0; life < 4; life++) {
    const dieAt = files.calls + 1 + pick(40);
    const faulty = pick(3) === 0;
    files.onCall = (call, number) => {
      if (number >= dieAt) throw new MachineDied('the machine died');
      if (faulty && call === 'sync' && pick(4) === 0) throw new Error('told to fail');
    };
    try {
      const log = await open(files);
      while (next < 30) {
        const batch = Array.from({ length: 1 + pick(4) }, (_, i) => `r${next + i}`);
        const answers = await Promise.allSettled(
          batch.map((text) => log.append(entry(text, text))),
        );
        for (const [i, answer] of answers.entries()) {
          if (answer.status === 'fulfilled') acknowledged.push(batch[i]);
        }
        if (answers.every((answer) => answer.status === 'fulfilled')) next += batch.length;
        if (files.calls >= dieAt) throw new MachineDied('the machine died');
        if (pick(6) === 0) await log.trim(0).catch(() => {});
      }
    } catch (thrown) {
      // A log that could not be opened because a sync failed ends this life, too.
      if (files.calls < dieAt && !faulty) throw thrown;
    }
    files.onCall = () => {};
    files.die((bytes) => pick(bytes + 1));
    const found = await texts(files, await open(files));
    expect(new Set(found).size, `seed ${seed}: ${found}`).toBe(found.length);
    const missing = acknowledged.filter((text) => !found.includes(text));
    expect(missing, `seed ${seed}, life ${life}`).toEqual([]);
    files.die((bytes) => pick(bytes + 1));
  }
}
