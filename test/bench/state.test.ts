import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the state bench runs and reports every line as a number', async () => {
  const bench = join(import.meta.dirname, '../../bench/state.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [bench, '--quick', '--json']);
  const reports = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(reports.map(({ bench: title }) => title)).toEqual([
    expect.stringContaining('update'),
    expect.stringContaining('rows'),
    expect.stringContaining('large table'),
  ]);
  for (const { quick, lines } of reports) {
    expect(quick).toBe(true);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const measured = line['ns/update'] ?? line['ns/row'] ?? line.ms;
      expect(measured).toBeGreaterThan(0);
    }
  }
});
