import { describe, expect, onTestFinished, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { DEADLINE_LOOK_MS, FUEL_PER_CALL_MAX } from '../../host/limits.ts';
import { fenceRunners } from '../../host/runtime/fence-runners.ts';
import { createHeartbeat, HeartbeatWatch } from '../../host/runtime/heartbeat.ts';
import { processIdentity } from '../../host/runtime/process-identity.ts';
import { readRemains, readRunnerFile } from '../../host/runtime/runner-directory.ts';
import { spawnRunner } from '../../host/runtime/spawn-runner.ts';
import { createWakeWords } from '../../host/runtime/wake-words.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { until } from '../kit/until.ts';
import { wordCountSpec } from '../kit/word-count-spec.ts';

describe('a heartbeat', () => {
  const look = DEADLINE_LOOK_MS;

  function watched() {
    const words = createWakeWords(2);
    const watch = new HeartbeatWatch(words, 2, (worker, task) =>
      worker === 1 && task === 3 ? 4 * look : 1e9,
    );
    return { watch, heart: createHeartbeat(words, 1) };
  }

  test('a turn that is over in time is not told of, nor rest between turns', () => {
    const { watch, heart } = watched();
    for (let nowMs = 0; nowMs < 100 * look; nowMs += look) {
      if (nowMs % (3 * look) === 0) {
        heart.begin(3);
        expect(watch.look(nowMs)).toBeUndefined();
        if (nowMs % (6 * look) === 0) heart.end();
      } else {
        expect(watch.look(nowMs)).toBeUndefined();
      }
    }
    heart.end();
    for (let nowMs = 100 * look; nowMs < 200 * look; nowMs += look) {
      expect(watch.look(nowMs)).toBeUndefined();
    }
  });

  test('a turn that does not end is told of after its deadline, with who it is', () => {
    const { watch, heart } = watched();
    watch.look(0);
    heart.begin(3);
    const told: unknown[] = [];
    for (let nowMs = look; nowMs <= 6 * look; nowMs += look) told.push(watch.look(nowMs));
    expect(told.slice(0, 5)).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(told[5]).toEqual({ worker: 1, task: 3, forMs: 5 * look });
  });

  test('a turn in which the whole process stood still is given its time anew', () => {
    const { watch, heart } = watched();
    watch.look(0);
    heart.begin(3);
    watch.look(look);
    expect(watch.look(100 * look)).toBeUndefined();
    expect(watch.look(101 * look)).toBeUndefined();
  });
});

const ENDLESS_LOOP = `
import { Emitter, flatMap, record } from '@millrace/guest-sdk';
@record class Line { text: string = ''; }
@flatMap export function words(line: Line, out: Emitter<Line>): void {
  let x = 2.0;
  while (x > 0) x = Math.sqrt(x + 1.5);
  out.emit(line);
}
`;

test('a function that does not stop takes its process with it, soon after its deadline', async () => {
  const { wasm } = await compileAssemblyScript({ source: ENDLESS_LOOP, name: 'endless.ts' });
  const directory = temporaryDirectory();
  const limits = { deadline: '300ms', fuelPerRecord: FUEL_PER_CALL_MAX };
  const { spec } = wordCountSpec(directory, [wasm, wasm], {
    pipeline: {
      sources: { lines: { connector: 'generator', rate: 20 } },
      steps: { words: { flatMap: 'text.words', from: 'lines', limits } },
      sinks: { out: { from: 'words', connector: 'file', path: 'out' } },
    },
    threads: 1,
  });
  onTestFinished(() => fenceRunners(directory, Number.MAX_SAFE_INTEGER));
  const job = await spawnRunner(spec);
  const { pid } = readRunnerFile(directory, 1) ?? { pid: -1 };
  const outcome = await job.ended;
  expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  const message = outcome.kind === 'failed' ? outcome.error.message : '';
  const forMs = Number(
    /^a batch has been in "words" for (\d+) ms, limit 300 ms$/.exec(message)?.[1],
  );
  expect(forMs).toBeGreaterThan(300);
  expect(forMs).toBeLessThanOrEqual(550);
  await until('the process is gone', () => processIdentity(pid) === undefined);
  expect(readRemains(directory, 1)?.outcome).toEqual(outcome);
});
