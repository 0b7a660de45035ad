import { MillraceError } from '../errors.ts';
import type { StateChains } from './state-chains.ts';
import type { TaskCapture } from './task-capture.ts';
import type { FromWorker, TaskOperatorState } from './worker-protocol.ts';

export interface CapturingTask {
  readonly attempt: number;
  /** Number among the tasks of its chain. */
  readonly task: number;
  /** Number among all tasks of the job. */
  readonly index: number;
}

/** Makes a task's part of a checkpoint durable and says how that went. Never rejects: a full disk is an answer, too. */
export async function persistCapture(
  chains: StateChains,
  task: CapturingTask,
  capture: TaskCapture,
): Promise<FromWorker> {
  const { checkpoint, finished, pauseMs, watermarkMs, deadLetters } = capture;
  const answer = { checkpoint, index: task.index };
  // The sink's promise must not be left alone while blobs are written: a rejection nobody awaits ends the process.
  const written = await Promise.allSettled([
    writeSteps(chains, task, capture),
    capture.transaction?.ready,
  ]);
  const [steps, transaction] = written;
  if (steps.status === 'rejected' || transaction.status === 'rejected') {
    const reason: unknown = (
      written.find((one) => one.status === 'rejected') as PromiseRejectedResult
    ).reason;
    return { kind: 'declined', ...answer, error: MillraceError.from(reason).report() };
  }
  const operators: TaskOperatorState[] = [...steps.value.operators];
  if (capture.splits !== undefined) {
    const { operator, splits } = capture.splits;
    operators.push({ kind: 'source', id: operator, splits });
  }
  if (capture.transaction !== undefined) {
    const { operator } = capture.transaction;
    operators.push({ kind: 'sink', id: operator, transaction: transaction.value ?? null });
  }
  const { bytes } = steps.value;
  return {
    kind: 'acknowledged',
    ...answer,
    operators,
    watermarkMs,
    finished,
    pauseMs,
    bytes,
    deadLetters,
  };
}

async function writeSteps(chains: StateChains, task: CapturingTask, capture: TaskCapture) {
  const operators: TaskOperatorState[] = [];
  let bytes = 0;
  for (const { operator, snapshot } of capture.snapshots) {
    const place = { ...task, checkpoint: capture.checkpoint, operator };
    const written = await chains.write(place, snapshot);
    bytes += written.bytes;
    operators.push({ kind: 'step', id: operator, snapshot: written.ref });
  }
  return { operators, bytes };
}
