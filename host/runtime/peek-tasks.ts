import type { Clock } from '../clock.ts';
import type { Batch } from '../model/batch.ts';
import { TAP_COLLECT_MS } from '../server-limits.ts';
import type { PeekRequest } from './peek.ts';
import type { Task } from './task.ts';

/** Looks into the tasks of a worker. Answers each request once, with what there was: at once, or after a moment for what has to come first. */
export function peekTasks(
  tasks: readonly Task[],
  request: PeekRequest,
  clock: Clock,
  answer: (rows: Batch) => void,
): void {
  const steps = tasks.flatMap((task) => task.step(request.step) ?? []);
  if (request.kind === 'state') {
    const key = Buffer.from(request.key, 'base64');
    const rows = steps.flatMap(({ operator }) => operator.stateOf?.(request.hash, key) ?? []);
    answer(joined(rows.map((bytes) => ({ bytes, count: 1 }))));
    return;
  }
  for (const { link } of steps) link.want(request.rows);
  clock.after(TAP_COLLECT_MS, () => answer(joined(steps.map(({ link }) => link.take()))));
}

/** Copies: rows stand in memory that is used again. */
function joined(batches: readonly Batch[]): Batch {
  return {
    bytes: new Uint8Array(Buffer.concat(batches.map(({ bytes }) => bytes))),
    count: batches.reduce((sum, { count }) => sum + count, 0),
  };
}
