import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Chain } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import {
  BATCH_DEADLINE_MS,
  DEADLINE_GRACE_MS,
  DEADLINE_LOOK_MS,
  WORKER_STOP_MS,
} from '../limits.ts';
import { HeartbeatWatch } from './heartbeat.ts';
import { stripTypesFlags } from './strip-types-flags.ts';
import type { StartWorkers } from './worker-host.ts';
import type { CoordinatorLink, FromWorker, WorkerStart } from './worker-protocol.ts';

/** What a worker thread's one long task is started with. */
export interface ThreadStart {
  readonly start: WorkerStart;
  readonly port: MessagePort;
  /** File URL of a module that exports `createTaskParts`. */
  readonly taskPartsModule: string;
}

/**
 * Runs each worker in a thread of its own: one endless Piscina task per thread. A task cannot be ended from outside, so
 * stopping is a message first, and the end of the thread only for those that do not listen.
 *
 * A function that does not come back cannot always be stopped by ending its thread: `onOverdue` is told of a batch that is past its
 * deadline, and may end the process.
 */
export function createThreadWorkers(
  taskPartsModule: string,
  onOverdue: (error: MillraceError) => void = () => {},
): StartWorkers {
  return (starts, onDeath) => {
    const pool = new Piscina({
      filename: fileURLToPath(workerMain()),
      minThreads: starts.length,
      maxThreads: starts.length,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      ...threadFlags(),
    });
    let stopping = false;
    const died = (error: Error) => {
      if (!stopping) onDeath(error);
    };
    const running = starts.map((start) => {
      const { port1, port2 } = new MessageChannel();
      const task: ThreadStart = { start, port: port2, taskPartsModule };
      const done = pool.run(task, { transferList: [port2] }).then(
        () => died(new MillraceError('TASK_FAILED', `worker ${start.worker} left by itself`)),
        (cause: Error) => {
          const text = `worker ${start.worker} died: ${cause.message}`;
          died(new MillraceError('TASK_FAILED', text, { cause }));
        },
      );
      return { link: portLink(port1), done };
    });
    const watch = watchDeadlines(starts, (error) => {
      onOverdue(error);
      died(error);
    });
    return {
      links: running.map((one) => one.link),
      async stop() {
        stopping = true;
        clearInterval(watch);
        for (const { link } of running) link.post({ kind: 'stop' });
        await Promise.race([Promise.all(running.map((one) => one.done)), elapsed(WORKER_STOP_MS)]);
        await pool.destroy();
        for (const { link } of running) link.close();
      },
      kill() {
        clearInterval(watch);
        void pool.destroy();
      },
    };
  };
}

/** Looks at the workers until it finds a batch that is past its deadline, and tells of it once. */
function watchDeadlines(
  starts: readonly WorkerStart[],
  onOverdue: (error: MillraceError) => void,
): NodeJS.Timeout | undefined {
  const [first] = starts;
  if (first?.wakeWords === undefined) return undefined;
  const tasks = starts.map((start) => start.tasks.toSorted((a, b) => a.index - b.index));
  const chains = starts.map((start, worker) =>
    tasks[worker].map((task) => start.plan.chains[task.chain]),
  );
  const watch = new HeartbeatWatch(
    first.wakeWords,
    starts.length,
    (worker, task) => deadlineMs(chains[worker][task]) + DEADLINE_GRACE_MS,
  );
  const timer = setInterval(() => {
    const overdue = watch.look(performance.now());
    if (overdue === undefined) return;
    clearInterval(timer);
    onOverdue(deadlineExceeded(chains[overdue.worker][overdue.task], overdue.forMs));
  }, DEADLINE_LOOK_MS);
  return timer.unref();
}

/** What one batch may take on its way through a chain; no bound where no function of a guest's is called. */
function deadlineMs(chain: Chain): number {
  const deadlines = chain.operators.flatMap((spec) =>
    'limits' in spec ? [spec.limits.deadlineMs ?? BATCH_DEADLINE_MS] : [],
  );
  if (deadlines.length === 0) return Number.POSITIVE_INFINITY;
  return deadlines.reduce((sum, one) => sum + one, 0);
}

function deadlineExceeded(chain: Chain, forMs: number): MillraceError {
  const steps = chain.operators.filter((spec) => 'limits' in spec).map(({ id }) => `"${id}"`);
  const text = `a batch has been in ${steps.join(' → ')} for ${Math.round(forMs)} ms, limit ${deadlineMs(chain)} ms`;
  return new MillraceError('DEADLINE_EXCEEDED', text, {
    hint: 'a function does not stop; limits: { deadline: … } gives it more time',
  });
}

/** A thread has the flags of its process; a program that uses us as a library was not started with ours. */
function threadFlags(): { readonly execArgv?: string[] } {
  const missing = stripTypesFlags().filter((flag) => !process.execArgv.includes(flag));
  return missing.length === 0 ? {} : { execArgv: missing };
}

/** `.ts` as long as the sources run as they are, `.js` in a package that was built. */
function workerMain(): URL {
  return new URL(
    import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js',
    import.meta.url,
  );
}

function portLink(port: MessagePort): CoordinatorLink {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', (message: FromWorker) => listener(message)),
    close: () => port.close(),
  };
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
