import { closeSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../host/errors.ts';
import { fenceRunners } from '../../host/runtime/fence-runners.ts';
import type { JobSpec } from '../../host/runtime/job-spec.ts';
import type { RunnerClient } from '../../host/runtime/runner-client.ts';
import { readRunnerFile } from '../../host/runtime/runner-directory.ts';
import type { JobOutcome } from '../../host/runtime/running-job.ts';
import { spawnRunner } from '../../host/runtime/spawn-runner.ts';
import { Random } from '../simulation/random.ts';
import { checkDeadLetters, checkTidiness, OutputCheck } from './check-output.ts';
import { describeHarm, drawHarm, environmentOf, type Harm } from './harm.ts';
import { pause, processState, signal } from './process-state.ts';
import { specOf, type Workload } from './workload.ts';

export interface ChaosRunOptions {
  readonly seed: number;
  readonly workload: Workload;
  /** Made; everything of the run is in it. */
  readonly directory: string;
  readonly cacheDirectory: string;
  /** The compiled shim; undefined = there is no C compiler. */
  readonly shim: string | undefined;
  /** Attempts that are harmed; then one runs to the end. */
  readonly harmed: number;
  /** A module that is loaded into every runner and makes a mistake. */
  readonly bug?: string;
  readonly say?: (text: string) => void;
}

export interface ChaosResult {
  /** Processes that were killed, stopped, and worker threads that ended. */
  readonly kills: number;
  readonly zombies: number;
  readonly violations: readonly string[];
  readonly attempts: number;
  /** The longest time from the start of an unharmed attempt to its first checkpoint. */
  readonly slowestMs: number;
}

/** How an attempt went. */
type Went =
  | { readonly kind: 'killed' }
  | { readonly kind: 'stopped'; readonly pid: number }
  | { readonly kind: 'ended'; readonly outcome: JobOutcome }
  | { readonly kind: 'not started'; readonly error: MillraceError };

const CHECKPOINT_EVERY = '25ms';
const RETAINED = 3;
const LOOK_MS = 4;
const ZOMBIE_ENDS_MS = 30_000;
/** Progress within five seconds after faults end is for a machine that has nothing else to do. */
const PROGRESS_MS = 30_000;
const END_WORKER = new URL('./end-worker.ts', import.meta.url).href;

/**
 * One job, from its beginning to its end, through attempts that are killed and stopped. After every attempt, and at the end, what is visible
 * is held against what must come of the input.
 */
export class ChaosRun {
  readonly #options: ChaosRunOptions;
  readonly #random: Random;
  readonly #spec: JobSpec;
  readonly #out: string;
  readonly #output: OutputCheck;
  readonly #violations: string[] = [];
  /** Stopped processes, and those that were resumed. */
  readonly #zombies = new Map<number, { readonly attempt: number; resumed: boolean }>();
  readonly #clock: string;
  #attempt = 0;
  #kills = 0;
  #stopped = 0;
  #slowestMs = 0;
  /** The newest checkpoint that was told. */
  #newest = 0;

  constructor(options: ChaosRunOptions) {
    const { directory, workload, seed } = options;
    this.#options = options;
    this.#random = new Random(seed, 'chaos');
    const job = join(directory, 'job');
    this.#out = join(directory, 'out');
    this.#clock = join(directory, 'clock');
    mkdirSync(job, { recursive: true });
    this.#spec = specOf(workload, job, this.#out, CHECKPOINT_EVERY);
    this.#output = new OutputCheck(workload, this.#out);
    this.#setClock(0);
  }

  async run(): Promise<ChaosResult> {
    try {
      let finished = false;
      for (let i = 0; i < this.#options.harmed && !finished; i++) {
        finished = await this.#harmedAttempt(drawHarm(this.#random, this.#hasShim));
        if (this.#violations.length > 0) return this.#result();
      }
      if (!finished) await this.#lastAttempt('');
      await this.#endZombies();
      // Another start changes nothing, and removes what zombies left.
      if (this.#violations.length === 0) await this.#lastAttempt('once more: ');
      const { workload } = this.#options;
      this.#violations.push(
        ...this.#output.checkEnd(),
        ...checkDeadLetters(workload, this.#spec.directory),
        ...checkTidiness(this.#spec.directory, this.#out, RETAINED),
      );
    } finally {
      for (const pid of this.#zombies.keys()) signal(pid, 'SIGKILL');
      await fenceRunners(this.#spec.directory, Number.MAX_SAFE_INTEGER);
    }
    return this.#result();
  }

  get #hasShim(): boolean {
    return this.#options.shim !== undefined;
  }

  #result(): ChaosResult {
    return {
      kills: this.#kills,
      zombies: this.#stopped,
      violations: this.#violations,
      attempts: this.#attempt,
      slowestMs: this.#slowestMs,
    };
  }

  /** Returns whether the job has finished in spite of it. */
  async #harmedAttempt(harm: Harm): Promise<boolean> {
    if (this.#random.chance(0.1)) this.#setClock(this.#random.between(-10_000_000, 10_000_000));
    const went = await this.#runAttempt(harm);
    this.#say(`attempt ${this.#attempt}: ${describeHarm(harm)}: ${describe(went)}`);
    if (went.kind === 'killed' || harm.kind === 'end worker') this.#kills += 1;
    if (went.kind === 'stopped') this.#haunt(went.pid);
    this.#violations.push(...this.#output.check());
    if (went.kind === 'not started') this.#expectTaskFault(went.error, harm);
    if (went.kind === 'ended' && went.outcome.kind === 'failed') {
      this.#expectTaskFault(MillraceError.fromReport(went.outcome.error), harm);
    }
    return went.kind === 'ended' && went.outcome.kind === 'finished';
  }

  async #lastAttempt(title: string): Promise<void> {
    const went = await this.#runAttempt(undefined);
    this.#say(`${title}attempt ${this.#attempt}: unharmed: ${describe(went)}`);
    if (went.kind === 'ended' && went.outcome.kind === 'finished') return;
    this.#violations.push(`C5: an unharmed attempt ends so: ${describe(went)}`);
  }

  /** A fault that somebody else makes must not end the job for good. */
  #expectTaskFault(error: MillraceError, harm: Harm): void {
    if (error.scope === 'task') return;
    const text = `${error.code}: ${error.message}`;
    this.#violations.push(`C6: after "${describeHarm(harm)}" the job is given up: ${text}`);
  }

  async #runAttempt(harm: Harm | undefined): Promise<Went> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const spec = { ...this.#spec, attempt };
    const startedMs = performance.now();
    let job: RunnerClient | undefined;
    let ended: Went | undefined;
    const { cacheDirectory } = this.#options;
    spawnRunner(spec, { cacheDirectory, environment: this.#environment(harm) }).then(
      (started) => {
        job = started;
        this.#follow(started, attempt, harm === undefined ? startedMs : undefined);
        started.ended.then(
          (outcome) => {
            ended ??= { kind: 'ended', outcome };
          },
          () => {
            ended ??= { kind: 'killed' };
          },
        );
      },
      (thrown) => {
        const error = MillraceError.from(thrown);
        const lost = error.code === 'RUNNER_LOST';
        ended ??= lost ? { kind: 'killed' } : { kind: 'not started', error };
      },
    );
    const pid = await this.#untilOver(harm, startedMs, () => ended ?? job);
    job?.detach();
    if (ended !== undefined) return ended;
    return { kind: 'stopped', pid };
  }

  /** Does to the process what is to be done at a moment; resolves when it has ended or stands still. */
  async #untilOver(
    harm: Harm | undefined,
    startedMs: number,
    look: () => Went | RunnerClient | undefined,
  ): Promise<number> {
    let pid = 0;
    let runsSinceMs: number | undefined;
    const dueMs = harm !== undefined && 'afterMs' in harm ? harm.afterMs : undefined;
    // An attempt that does not get to its call must not do all the work.
    const patienceMs = this.#random.between(100, 700);
    const zombiesMs = this.#random.between(100, 800);
    for (;;) {
      const found = look();
      if (found !== undefined && 'kind' in found) return pid;
      await pause(LOOK_MS);
      const nowMs = performance.now();
      if (found !== undefined) runsSinceMs ??= nowMs;
      if (pid === 0) pid = readRunnerFile(this.#spec.directory, this.#attempt)?.pid ?? 0;
      if (nowMs - startedMs > zombiesMs) this.#resumeZombies();
      if (pid === 0) continue;
      if (processState(pid) === 'stopped') return pid;
      if (harm === undefined) continue;
      const isDue = dueMs !== undefined && nowMs - startedMs > 150 + dueMs;
      const isLate = runsSinceMs !== undefined && nowMs - runsSinceMs > patienceMs;
      if (isDue && harm.kind === 'stop') signal(pid, 'SIGSTOP');
      else if (isLate || (isDue && harm.kind === 'kill')) signal(pid, 'SIGKILL');
    }
  }

  #environment(harm: Harm | undefined): Record<string, string> {
    const { shim, bug } = this.#options;
    const loaded = [END_WORKER, ...(bug === undefined ? [] : [bug])];
    return {
      ...environmentOf(harm),
      NODE_OPTIONS: loaded.map((module) => `--import=${module}`).join(' '),
      ...(shim === undefined ? {} : { LD_PRELOAD: shim, MILLRACE_CHAOS_CLOCK: this.#clock }),
    };
  }

  /** Holds that what was told stays, and that nobody tells who is over. */
  #follow(job: RunnerClient, attempt: number, startedMs: number | undefined): void {
    const before = this.#newest;
    job.status().then(
      ({ checkpoint, state }) => {
        // One that was overtaken in its start ends without having restored anything.
        if (attempt < this.#attempt || state === 'ended') return;
        if ((checkpoint?.checkpoint ?? 0) >= before) return;
        const from = checkpoint?.checkpoint ?? 0;
        this.#violations.push(`C7: attempt ${attempt} starts from ${from}, ${before} was told`);
      },
      () => {},
    );
    let first = true;
    job.subscribe((event) => {
      if (event.kind !== 'checkpoint' || event.checkpoint.state !== 'completed') return;
      const { checkpoint } = event.checkpoint;
      if (checkpoint <= this.#newest) {
        this.#violations.push(`C8: checkpoint ${checkpoint} is told after ${this.#newest}`);
      }
      this.#newest = Math.max(this.#newest, checkpoint);
      if (!first || startedMs === undefined) return;
      first = false;
      const tookMs = performance.now() - startedMs;
      this.#slowestMs = Math.max(this.#slowestMs, tookMs);
      if (tookMs > PROGRESS_MS) this.#violations.push(`C9: no progress for ${tookMs} ms`);
    });
  }

  /** The next attempt shall not find the process, as if it ran elsewhere. */
  #haunt(pid: number): void {
    this.#stopped += 1;
    this.#kills += 1;
    this.#zombies.set(pid, { attempt: this.#attempt, resumed: false });
    const file = join(this.#spec.directory, `runner-${this.#attempt}.json`);
    try {
      renameSync(file, `${file}.hidden`);
    } catch {
      // It had not written one.
    }
  }

  #resumeZombies(): void {
    for (const [pid, zombie] of this.#zombies) {
      if (zombie.resumed || zombie.attempt >= this.#attempt) continue;
      zombie.resumed = true;
      signal(pid, 'SIGCONT');
    }
  }

  /** Whoever is over finds that out by itself. */
  async #endZombies(): Promise<void> {
    for (const [pid, zombie] of this.#zombies) {
      if (!zombie.resumed) signal(pid, 'SIGCONT');
      zombie.resumed = true;
      const untilMs = performance.now() + ZOMBIE_ENDS_MS;
      while (processState(pid) !== 'gone' && performance.now() < untilMs) await pause(LOOK_MS);
      if (processState(pid) === 'gone') this.#zombies.delete(pid);
      else this.#violations.push(`C10: attempt ${zombie.attempt} goes on as if it were the latest`);
    }
    this.#violations.push(...this.#output.check());
  }

  #setClock(offsetMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offsetMs));
    const file = openSync(this.#clock, 'a+');
    closeSync(file);
    const again = openSync(this.#clock, 'r+');
    writeSync(again, bytes, 0, 8, 0);
    closeSync(again);
  }

  #say(text: string): void {
    this.#options.say?.(text);
  }
}

function describe(went: Went): string {
  switch (went.kind) {
    case 'killed':
      return 'killed';
    case 'stopped':
      return 'stopped';
    case 'ended':
      return went.outcome.kind === 'failed'
        ? `failed: ${went.outcome.error.code}: ${went.outcome.error.message}`
        : went.outcome.kind;
    case 'not started':
      return `did not start: ${went.error.code}: ${went.error.message}`;
    default:
      return went satisfies never;
  }
}
