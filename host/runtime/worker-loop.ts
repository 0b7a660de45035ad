import type { Clock } from '../clock.ts';
import { WORKER_SLEEP_MS, WORKER_SLICE_MS } from '../limits.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { Idle } from './idle.ts';

/** What a worker loop runs. */
export interface Runnable {
  /** Does a little; false = there was nothing to do. */
  run(nowMs: number): boolean;
  /** When it has something to do by itself; undefined = never. */
  readonly dueMs: number | undefined;
}

export interface WorkerLoopOptions {
  readonly runnables: readonly Runnable[];
  readonly clock: Clock;
  readonly idle: Idle;
  /** Lets messages, timers and input of this thread have their turn. */
  readonly yieldTurn: () => Promise<void>;
  readonly stopped: () => boolean;
  /** Called at every turn. */
  readonly onTurn: (nowMs: number) => void;
  /** Shows from outside which runnable is at work, by its position; without it nobody looks. */
  readonly heartbeat?: Heartbeat | undefined;
}

/**
 * Runs tasks in turn until `stopped`. Each gets one element's worth of work at a time; every few milliseconds the
 * event loop has its turn; when no task has anything to do the loop sleeps, and uses no processor time.
 */
export async function runWorkerLoop(options: WorkerLoopOptions): Promise<void> {
  const { clock, idle, stopped } = options;
  const runnables = options.heartbeat
    ? beating(options.runnables, options.heartbeat)
    : options.runnables;
  while (!stopped()) {
    options.onTurn(clock.monotonicMs());
    if (runSlice(runnables, clock)) {
      await options.yieldTurn();
      continue;
    }
    idle.prepare();
    // The last look, after which any change ends the sleep.
    if (runOnce(runnables, clock.monotonicMs())) {
      idle.cancel();
      await options.yieldTurn();
      continue;
    }
    await idle.sleep(sleepMs(runnables, clock.monotonicMs()));
  }
}

function beating(runnables: readonly Runnable[], heartbeat: Heartbeat): readonly Runnable[] {
  return runnables.map((runnable, position) => ({
    run(nowMs) {
      heartbeat.begin(position);
      const busy = runnable.run(nowMs);
      heartbeat.end();
      return busy;
    },
    get dueMs() {
      return runnable.dueMs;
    },
  }));
}

/** Runs everybody until the slice is over or nobody has anything to do; true = somebody still has. */
function runSlice(runnables: readonly Runnable[], clock: Clock): boolean {
  let nowMs = clock.monotonicMs();
  const endMs = nowMs + WORKER_SLICE_MS;
  while (nowMs < endMs) {
    if (!runOnce(runnables, nowMs)) return false;
    nowMs = clock.monotonicMs();
  }
  return true;
}

function runOnce(runnables: readonly Runnable[], nowMs: number): boolean {
  let busy = false;
  for (let i = 0; i < runnables.length; i += 1) if (runnables[i].run(nowMs)) busy = true;
  return busy;
}

function sleepMs(runnables: readonly Runnable[], nowMs: number): number {
  let untilMs = nowMs + WORKER_SLEEP_MS;
  for (let i = 0; i < runnables.length; i += 1) {
    const { dueMs } = runnables[i];
    if (dueMs !== undefined && dueMs < untilMs) untilMs = dueMs;
  }
  return Math.max(1, Math.ceil(untilMs - nowMs));
}
