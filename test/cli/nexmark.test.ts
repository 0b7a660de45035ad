import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import { EVENT_SCHEMA } from '../../host/connectors/nexmark/schemas.ts';
import { createCommandBench } from '../kit/command-bench.ts';
import { COMMAND, runProgram } from '../kit/run-program.ts';

test('generates to standard output, one object a line, as many as asked for', async () => {
  const args = [COMMAND, 'nexmark', 'generate', '--events', '120'];
  const { code, out, error } = await runProgram(process.execPath, args);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.length).toBe(120);
  expect(events[0].person).toMatchObject({ id: 1000, name: 'Peter Jones', state: 'WY' });
  expect(events[4].bid).toMatchObject({ auction: 1000, bidder: 1001, price: 32_530_001 });
});

test('generates to a file, in each format', async () => {
  const bench = createCommandBench();
  const generate = (...args: string[]) => bench.run('nexmark', 'generate', ...args);
  const options = ['--events', '1000', '--generators', '3'];
  expect(await generate(...options, '--kind', 'bid', '--format', 'csv', '-o', 'bids.csv')).toEqual({
    code: 0,
    out: '',
    error: '',
  });
  const [header, ...bids] = readFileSync(join(bench.directory, 'bids.csv'), 'utf8').split('\n');
  expect(header).toBe('auction,bidder,price,channel,url,dateTime,extra');
  // 920 of 1,000 events of one timeline; three of 333, 333 and 334 events end in the midst of a run.
  expect(bids.filter((line) => line !== '').length).toBeGreaterThan(900);
  expect((await generate(...options, '--format', 'rows', '-o', 'events.rows')).code).toBe(0);
  const rows = new Uint8Array(readFileSync(join(bench.directory, 'events.rows')));
  expect(createRowValidator(EVENT_SCHEMA)(rows, 1000)).toBeUndefined();
});

test('generates other events from another seed', async () => {
  const bench = createCommandBench();
  const texts: string[] = [];
  for (const seed of ['0', '1', '1']) {
    await bench.run('nexmark', 'generate', '--events', '200', '--seed', seed, '-o', 'out.json');
    texts.push(readFileSync(join(bench.directory, 'out.json'), 'utf8'));
  }
  expect(texts[1]).toBe(texts[2]);
  expect(texts[0]).not.toBe(texts[1]);
});

test('ends quietly when its reader has seen enough, after saying how far it is', async () => {
  const args = [COMMAND, 'nexmark', 'generate', '--events', '1000000000000'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit');
  child.stdout.resume();
  const [said] = await once(child.stderr, 'data');
  expect(String(said)).toMatch(/^[\d,]+ of 1,000,000,000,000 events, [\d,]+ events\/s\n/);
  child.stdout.destroy();
  expect(await exit).toEqual([0, null]);
});

test('says what is wrong with its options', async () => {
  const bench = createCommandBench();
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['--events', '-5'], 'whole number'],
    [['--kind', 'people'], 'allowed choices are all, person, auction, bid'],
    [['--format', 'lines'], 'allowed choices are json, csv, rows'],
    [['--base-time', 'yesterday'], 'baseTime: expected an ISO 8601 time or "now"'],
    [['--out-of-order', '953'], 'outOfOrderGroup: expected no multiple of 953'],
    [['--events', '1', '-o', 'no/such/folder'], 'cannot write "no/such/folder": ENOENT'],
  ];
  for (const [args, message] of cases) {
    const { code, error } = await bench.run('nexmark', 'generate', ...args);
    expect({ args, code }).toEqual({ args, code: 2 });
    expect(error).toContain(message);
  }
});

test('reports a full disk', async ({ skip }) => {
  try {
    writeFileSync('/dev/full', 'x');
    skip('there is no /dev/full here');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') skip('there is no /dev/full here');
  }
  const bench = createCommandBench();
  const { code, error } = await bench.run('nexmark', 'generate', '-o', '/dev/full');
  expect(code).not.toBe(0);
  expect(error).toContain('cannot write "/dev/full": ENOSPC');
});
