import { describe, expect, test } from 'vitest';
import { LOG_LINES_PER_SECOND_MAX } from '../../host/limits.ts';
import { JobLog } from '../../host/runtime/job-log.ts';

function logAt() {
  const lines: Record<string, unknown>[] = [];
  const clock = {
    timeMs: 1_000_000,
    nowMs: () => clock.timeMs,
    monotonicMs: () => clock.timeMs,
    after: () => () => {},
  };
  const log = new JobLog(clock, (line) => lines.push(JSON.parse(line)));
  return { lines, clock, log };
}

describe('job log', () => {
  test('writes one JSON object a line, with what is known', () => {
    const { lines, log } = logAt();
    log.add({ level: 'warn', step: 'words', task: 2, version: 'text@1', text: 'line\nbreak' });
    log.add({ level: 'info', text: 'plain' });
    expect(lines).toEqual([
      {
        time: '1970-01-01T00:16:40.000Z',
        level: 'warn',
        step: 'words',
        task: 2,
        version: 'text@1',
        text: 'line\nbreak',
      },
      { time: '1970-01-01T00:16:40.000Z', level: 'info', text: 'plain' },
    ]);
  });

  test('drops what is too much in a second, and says how much', () => {
    const { lines, clock, log } = logAt();
    for (let i = 0; i < LOG_LINES_PER_SECOND_MAX + 7; i += 1) log.add({ level: 'info', text: 'x' });
    expect(lines).toHaveLength(LOG_LINES_PER_SECOND_MAX);
    clock.timeMs += 1_000;
    log.add({ level: 'info', text: 'later' });
    expect(lines.slice(-2).map((line) => line.text)).toEqual(['7 log lines were dropped', 'later']);
  });

  test('goes on when the clock is set back', () => {
    const { lines, clock, log } = logAt();
    for (let i = 0; i < LOG_LINES_PER_SECOND_MAX; i += 1) log.add({ level: 'info', text: 'x' });
    clock.timeMs -= 3_600_000;
    log.add({ level: 'info', text: 'earlier' });
    expect(lines.at(-1)?.text).toBe('earlier');
  });
});
