import { describe, expect, test } from 'vitest';
import { hashKey } from '../../host/abi/key-hash.ts';
import type { Pipeline } from '../../host/dataflow/pipeline.ts';
import type { JobEvent, RunningJob, UpdateRequest } from '../../host/runtime/running-job.ts';
import { until } from '../kit/until.ts';

/** A life of `RunningJob` under test. */
export interface RunningJobLife {
  readonly job: RunningJob;
  /** The update of step `words` to another version. */
  readonly update: UpdateRequest;
}

/** Starts a pipeline that may use `text.words` and `text.sum`, as job `job-1`, attempt 1; it is ended with the test. */
export type StartRunningJob = (pipeline: Omit<Pipeline, 'name'>) => Promise<RunningJobLife>;

type Options = { readonly count?: number; readonly path?: string };

/** Word count of generated lines: endless, unless a count is given. */
function wordCount({ count, path = 'out' }: Options = {}): Omit<Pipeline, 'name'> {
  return {
    checkpoint: { every: 'off' },
    sources: {
      lines: {
        connector: 'generator',
        rate: 2_000,
        ...(count === undefined ? {} : { count }),
        fields: { text: { words: { of: ['mill', 'race'], count: 2 } } },
      },
    },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word' },
    },
    sinks: { out: { from: 'counts', connector: 'file', path } },
  };
}

/** What every life of `RunningJob` does, in this process or behind a socket. */
export function runningJobContract(name: string, start: StartRunningJob): void {
  describe(`a running job ${name}`, () => {
    test('says who it is and what it runs', async () => {
      const { job } = await start(wordCount());
      const report = await job.status();
      expect(report).toMatchObject({ id: 'job-1', attempt: 1, state: 'running' });
      expect(Object.keys(report.modules).sort()).toEqual(['counts', 'words']);
      expect(() => process.kill(report.pid, 0)).not.toThrow();
    });

    test('shows the state of a key, and some of what a step puts out', async () => {
      const { job } = await start(wordCount());
      const key = Buffer.from([4, 0, 0, 0, ...Buffer.from('mill')]);
      const look = { step: 'counts', key: key.toString('base64'), hash: hashKey(key) };
      const found = await until('the key has a state', async () => {
        const state = await job.peek({ kind: 'state', ...look });
        return state.count > 0 && state;
      });
      expect(found.count).toBe(1);
      expect(Buffer.from(found.rows, 'base64').includes('mill')).toBe(true);
      const tapped = await until('rows pass', async () => {
        const rows = await job.peek({ kind: 'tap', step: 'words', rows: 3 });
        return rows.count > 0 && rows;
      });
      expect(tapped.count).toBeLessThanOrEqual(3);
      const none = { rows: '', count: 0 };
      expect(await job.peek({ kind: 'state', ...look, hash: 1 })).toEqual(none);
      expect(await job.peek({ kind: 'tap', step: 'none', rows: 1 })).toEqual(none);
    });

    test('finishes with its sources, and tells its numbers afterwards', async () => {
      const { job } = await start(wordCount({ count: 50 }));
      expect(await job.ended).toEqual({ kind: 'finished' });
      expect(await job.status()).toMatchObject({ id: 'job-1', attempt: 1, state: 'ended' });
      const { operators } = await job.metrics();
      expect(operators.find(({ id }) => id === 'counts')?.recordsIn).toBe(100);
      await job.cancel();
      for (const ask of [() => job.stop(), () => job.pause(), () => job.resume()]) {
        await expect(ask()).rejects.toMatchObject({ code: 'JOB_STATE' });
      }
    });

    test('takes checkpoints when told to, and tells of them', async () => {
      const { job } = await start(wordCount());
      const events: JobEvent[] = [];
      const unsubscribe = job.subscribe((event) => events.push(event));
      const first = await job.checkpoint();
      expect(first).toMatchObject({ state: 'completed', reason: '', final: false });
      const second = await job.checkpoint();
      expect(second.checkpoint).toBeGreaterThan(first.checkpoint);
      expect((await job.status()).checkpoint).toEqual(second);
      const completed = () =>
        events.flatMap((event) =>
          event.kind === 'checkpoint' && event.checkpoint.state === 'completed'
            ? [event.checkpoint.checkpoint]
            : [],
        );
      await until('both were told', () => completed().length === 2);
      expect(completed()).toEqual([first.checkpoint, second.checkpoint]);
      unsubscribe();
      await job.checkpoint();
      expect(completed()).toHaveLength(2);
    });

    test('stops with a last checkpoint', async () => {
      const { job } = await start(wordCount());
      const { checkpoint } = await job.stop();
      expect(await job.ended).toEqual({ kind: 'stopped', checkpoint });
    });

    test('ends at once when it is cancelled', async () => {
      const { job } = await start(wordCount());
      const events: JobEvent[] = [];
      job.subscribe((event) => events.push(event));
      await job.cancel();
      expect(await job.ended).toEqual({ kind: 'cancelled' });
      expect(events.at(-1)).toEqual({ kind: 'ended', outcome: { kind: 'cancelled' } });
      await job.cancel();
    });

    test('reads nothing while it is paused', async () => {
      const { job } = await start(wordCount());
      await job.pause();
      expect((await job.status()).state).toBe('paused');
      const read = async () => {
        // The counters of a task are told at its barrier at the latest.
        await job.checkpoint();
        return (await job.metrics()).operators.find(({ id }) => id === 'lines')?.recordsOut;
      };
      const before = await read();
      expect(await read()).toBe(before);
      await job.resume();
      expect((await job.status()).state).toBe('running');
      await until('it reads on', async () => ((await read()) ?? 0) > (before ?? 0));
    });

    test('swaps a step and tells each state of it', async () => {
      const { job, update } = await start(wordCount());
      const states: string[] = [];
      job.subscribe((event) => {
        if (event.kind === 'update') states.push(event.update.state);
      });
      const record = await job.update(update);
      expect(record).toMatchObject({ update: 1, step: 'words', to: update.module });
      await until('it is settled', () => states.at(-1) === 'settled');
      expect((await job.status()).modules.words).toEqual(update.module);
    });

    test('refuses to swap what is no step', async () => {
      const { job, update } = await start(wordCount());
      await expect(job.update({ ...update, step: 'nope' })).rejects.toMatchObject({
        code: 'STEP_NOT_FOUND',
      });
    });

    test('does not start when its sink cannot be written, and says why', async () => {
      const starting = start(wordCount({ path: '/dev/null/out' }));
      await expect(starting).rejects.toMatchObject({
        code: 'SINK_UNAVAILABLE',
        hint: expect.stringMatching(/./),
      });
    });
  });
}
