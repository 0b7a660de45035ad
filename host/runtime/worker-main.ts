import type { CreateTaskParts } from './task-parts.ts';
import type { ThreadStart } from './thread-workers.ts';
import { createSharedIdle } from './wake-words.ts';
import { Worker } from './worker.ts';
import type { ToWorker, WorkerLink } from './worker-protocol.ts';

/** The one task of a worker thread: lasts as long as the job does. Called by Piscina. */
export default async function runWorker(thread: ThreadStart): Promise<void> {
  const { start, port, taskPartsModule } = thread;
  if (start.wakeWords === undefined) throw new Error('a worker thread needs wake words');
  const link: WorkerLink = {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', (message: ToWorker) => listener(message)),
    close: () => port.close(),
  };
  const { createTaskParts } = (await import(taskPartsModule)) as {
    readonly createTaskParts: CreateTaskParts;
  };
  const parts = await createTaskParts(start.directory);
  await new Worker(start, parts, createSharedIdle(start.wakeWords, start.worker), link).run();
}
