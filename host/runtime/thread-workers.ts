import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { MillraceError } from '../errors.ts';
import { WORKER_STOP_MS } from '../limits.ts';
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
 */
export function createThreadWorkers(taskPartsModule: string): StartWorkers {
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
    return {
      links: running.map((one) => one.link),
      async stop() {
        stopping = true;
        for (const { link } of running) link.post({ kind: 'stop' });
        await Promise.race([Promise.all(running.map((one) => one.done)), elapsed(WORKER_STOP_MS)]);
        await pool.destroy();
        for (const { link } of running) link.close();
      },
      kill: () => void pool.destroy(),
    };
  };
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
