import type { JobRunners } from '../../host/control/job-runners.ts';
import { MillraceError } from '../../host/errors.ts';
import { bareRemains, type JobRemains } from '../../host/runtime/ended-job.ts';
import type { JobSpec } from '../../host/runtime/job-spec.ts';
import type { RunnerClient } from '../../host/runtime/runner-client.ts';
import type { JobOutcome, UpdateRequest } from '../../host/runtime/running-job.ts';
import type { UpdateRecord } from '../../host/runtime/update-record.ts';

/** A runner without a process. */
export interface FakeRunner {
  readonly spec: JobSpec;
  /** What was asked of it, in order. */
  readonly asked: string[];
  readonly detached: boolean;
  end(outcome: JobOutcome): void;
  lose(): void;
}

export const RUNNER_LOST = new MillraceError('RUNNER_LOST', 'it is gone');

/** Runners in memory, with what goes wrong decided by the test. They stand for a data directory: several servers may use them. */
export class FakeRunners implements JobRunners {
  readonly started: FakeRunner[] = [];
  readonly killed: number[] = [];
  /** What the next starts throw, in order; then they succeed. */
  failures: MillraceError[] = [];
  /** Runners that do not end when they are told to. */
  deaf = false;
  /** What `stop` throws, if anything. */
  stopFailure: MillraceError | undefined;
  #latestAttempt = 0;
  #remains = new Map<number, JobRemains>();
  #live: { readonly client: () => RunnerClient; readonly runner: FakeRunner } | undefined;

  async spawn(spec: JobSpec): Promise<RunnerClient> {
    this.#latestAttempt = spec.attempt;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    return this.#start(spec);
  }

  async attach(): Promise<RunnerClient | undefined> {
    return this.#live?.client();
  }

  latestAttempt(): number {
    return this.#latestAttempt;
  }

  remains(_directory: string, attempt: number): JobRemains | undefined {
    return this.#remains.get(attempt);
  }

  async kill(_directory: string, attempt: number): Promise<void> {
    this.killed.push(attempt);
    if (this.#live !== undefined && this.#live.runner.spec.attempt <= attempt) {
      this.#live.runner.lose();
    }
  }

  /** The runner that was started last. */
  get latest(): FakeRunner {
    const latest = this.started.at(-1);
    if (latest === undefined) throw new Error('no runner was started');
    return latest;
  }

  #start(spec: JobSpec): RunnerClient {
    const ended = Promise.withResolvers<JobOutcome>();
    ended.promise.catch(() => {});
    const state = { detached: false };
    const runner: FakeRunner = {
      spec,
      asked: [],
      get detached() {
        return state.detached;
      },
      end: (outcome) => {
        this.#live = undefined;
        this.#remains.set(spec.attempt, bareRemains({ ...spec, pid: 1 }, outcome));
        ended.resolve(outcome);
      },
      lose: () => {
        this.#live = undefined;
        ended.reject(RUNNER_LOST);
      },
    };
    this.started.push(runner);
    const client = () => this.#client(runner, ended.promise, state);
    this.#live = { client, runner };
    return client();
  }

  #client(
    runner: FakeRunner,
    ended: Promise<JobOutcome>,
    state: { detached: boolean },
  ): RunnerClient {
    const { spec, asked } = runner;
    const record = {
      ...{ checkpoint: 7, state: 'completed' as const, triggeredAtMs: 0, durationMs: 1 },
      ...{ bytes: 0, pauseMs: 0, reason: '', final: false },
    };
    const bare = bareRemains({ ...spec, pid: 1 }, { kind: 'cancelled' });
    return {
      ended,
      status: async () => ({ ...bare.report, state: 'running' }),
      metrics: async () => bare.metrics,
      checkpoint: async () => record,
      peek: async () => ({ rows: '', count: 0 }),
      savepoint: async ({ directory }) => {
        asked.push(`savepoint ${directory}`);
        return { directory, job: spec.id, checkpoint: 7, takenAtMs: 0, bytes: 0 };
      },
      stop: async (savepoint) => {
        asked.push(savepoint === undefined ? 'stop' : `stop with ${savepoint.directory}`);
        if (this.stopFailure !== undefined) throw this.stopFailure;
        if (!this.deaf) runner.end({ kind: 'stopped', checkpoint: 7 });
        return record;
      },
      cancel: async () => {
        asked.push('cancel');
        if (!this.deaf) runner.end({ kind: 'cancelled' });
      },
      update: async (request: UpdateRequest) => {
        asked.push(`update ${request.step} ${request.module.ref} ${request.path}`);
        return { update: 1, step: request.step } as UpdateRecord;
      },
      pause: async () => void asked.push('pause'),
      resume: async () => void asked.push('resume'),
      subscribe: () => () => {},
      detach: () => {
        state.detached = true;
      },
    };
  }
}
