import { createLocalIdle } from './local-idle.ts';
import type { TaskParts } from './task-parts.ts';
import { Worker } from './worker.ts';
import type { StartWorkers } from './worker-host.ts';
import type { CoordinatorLink, FromWorker, ToWorker, WorkerLink } from './worker-protocol.ts';

/** Runs the one worker of a job in the calling thread. */
export function createLocalWorkers(parts: TaskParts): StartWorkers {
  return (starts) => {
    const running = starts.map((start) => {
      const { coordinator, worker } = createLocalLinks();
      const done = new Worker(start, parts, createLocalIdle(parts.clock), worker).run();
      return { link: coordinator, done };
    });
    return {
      links: running.map((one) => one.link),
      async stop() {
        for (const { link } of running) link.post({ kind: 'stop' });
        await Promise.all(running.map((one) => one.done));
      },
    };
  };
}

/** A line inside one thread. A message arrives in a later turn, as it would from another thread: never inside `post`. */
function createLocalLinks(): {
  readonly coordinator: CoordinatorLink;
  readonly worker: WorkerLink;
} {
  let toWorker: (message: ToWorker) => void = () => {};
  let toCoordinator: (message: FromWorker) => void = () => {};
  return {
    coordinator: {
      post: (message) => queueMicrotask(() => toWorker(message)),
      onMessage(listener) {
        toCoordinator = listener;
      },
      close() {},
    },
    worker: {
      post: (message) => queueMicrotask(() => toCoordinator(message)),
      onMessage(listener) {
        toWorker = listener;
      },
      close() {},
    },
  };
}
