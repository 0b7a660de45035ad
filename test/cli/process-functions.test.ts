import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createCommandBench } from '../kit/command-bench.ts';

const SOURCE = `import { Context, MapState, process, record, ValueState } from '@millrace/guest-sdk';
@record class Click { user: i64; page: string; }
@record class Visits { clicks: i64; pages: i32; }
@process export class Count {
  clicks = new ValueState<i64>('clicks');
  pages = new MapState<string, i64>('pages');
  process(click: Click, context: Context<Visits>): void {
    this.clicks.value = this.clicks.or(0) + 1;
    this.pages.set(click.page, this.clicks.value);
    context.timers.eventTime(5);
  }
  onTimer(time: i64, key: Click, context: Context<Visits>): void {
    const visits = new Visits();
    visits.clicks = this.clicks.value;
    visits.pages = this.pages.size;
    context.emit(visits);
  }
}`;

test('a process function is tried on one key, with its timers at the end, and its states are shown', async () => {
  const bench = createCommandBench();
  writeFileSync(join(bench.directory, 'web.ts'), SOURCE);
  const clicks = ['/a', '/b', '/a'].map((page, user) => `${JSON.stringify({ user, page })}\n`);
  writeFileSync(join(bench.directory, 'in.jsonl'), clicks.join(''));
  const { code, out } = await bench.run('test', 'web.ts', 'Count', '--input', 'in.jsonl');
  expect([code, out]).toEqual([0, '{"clicks":3,"pages":2}\n']);
  const inspected = await bench.run('inspect', 'web.ts');
  expect(inspected.out).toMatch(/^Count +process +Click +Visits +clicks, pages$/m);
});
