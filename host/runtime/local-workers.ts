import { MillraceError } from '../errors.ts';
import { createLocalIdle } from './local-idle.ts';
import type { TaskParts } from './task-parts.ts';
import { Worker } from './worker.ts';
import type { StartWorkers } from './worker-host.ts';
import type { CoordinatorLink, FromWorker, ToWorker, WorkerLink } from './worker-protocol.ts';

/** Runs the one worker of a job in the calling thread. */
export function createLocalWorkers(parts: TaskParts): StartWorkers {
  return (starts, onDeath) => {
    const running = starts.map((start) => {
      const { coordinator, worker } = createLocalLinks(parts.yieldTurn);
      const done = new Worker(start, parts, createLocalIdle(parts.clock), worker).run();
      return { link: coordinator, done };
    });
    return {
      links: running.map((one) => one.link),
      async stop() {
        for (const { link } of running) link.post({ kind: 'stop' });
        await Promise.all(running.map((one) => one.done));
      },
      kill() {
        for (const { link } of running) link.post({ kind: 'stop' });
        onDeath(new MillraceError('TASK_FAILED', 'the worker was killed'));
      },
    };
  };
}

/**
 * A line inside one thread. A message arrives in a later turn of the event loop, as it would from another thread: not
 * inside `post`, and not so soon that two who only talk to each other keep everybody else waiting.
 */
function createLocalLinks(yieldTurn: () => Promise<void>): {
  readonly coordinator: CoordinatorLink;
  readonly worker: WorkerLink;
} {
  let toWorker: (message: ToWorker) => void = () => {};
  let toCoordinator: (message: FromWorker) => void = () => {};
  return {
    coordinator: {
      post: (message) => void yieldTurn().then(() => toWorker(message)),
      onMessage(listener) {
        toCoordinator = listener;
      },
      close() {},
    },
    worker: {
      post: (message) => void yieldTurn().then(() => toCoordinator(message)),
      onMessage(listener) {
        toWorker = listener;
      },
      close() {},
    },
  };
}
