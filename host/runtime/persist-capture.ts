import { MillraceError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { writeInFlight } from './in-flight-files.ts';
import type { StateChains } from './state-chains.ts';
import type { TaskCapture } from './task-capture.ts';
import type { FromWorker, TaskOperatorState } from './worker-protocol.ts';

export interface CapturingTask {
  readonly attempt: number;
  /** The first operator of its chain. */
  readonly chain: string;
  /** Number among the tasks of its chain. */
  readonly task: number;
  /** Number among all tasks of the job. */
  readonly index: number;
}

/** Makes a task's part of a checkpoint durable and says how that went. Never rejects: a full disk is an answer, too. */
export async function persistCapture(
  { storage, chains }: { readonly storage: BlobStore; readonly chains: StateChains },
  task: CapturingTask,
  capture: TaskCapture,
): Promise<FromWorker> {
  const { checkpoint, finished, pauseMs, watermarkMs, deadLetters } = capture;
  const answer = { checkpoint, index: task.index };
  // The sink's promise must not be left alone while blobs are written: a rejection nobody awaits ends the process.
  const written = await Promise.allSettled([
    writeSteps(chains, task, capture),
    capture.transaction?.ready,
    writeInFlight(storage, { ...task, checkpoint }, capture.inFlight),
  ]);
  const [steps, transaction, inFlight] = written;
  if (
    steps.status === 'rejected' ||
    transaction.status === 'rejected' ||
    inFlight.status === 'rejected'
  ) {
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
  const bytes = steps.value.bytes + (inFlight.value?.bytes ?? 0);
  return {
    kind: 'acknowledged',
    ...answer,
    operators,
    watermarkMs,
    finished,
    pauseMs,
    bytes,
    inFlight: inFlight.value,
    deadLetters,
  };
}

async function writeSteps(chains: StateChains, task: CapturingTask, capture: TaskCapture) {
  const operators: TaskOperatorState[] = [];
  let bytes = 0;
  try {
    for (const { operator, snapshot } of capture.snapshots) {
      const place = { ...task, checkpoint: capture.checkpoint, operator };
      const written = await chains.write(place, snapshot);
      bytes += written.bytes;
      operators.push({ kind: 'step', id: operator, snapshot: written.ref });
    }
  } catch (thrown) {
    // Those after the one that failed were not written either.
    chains.breakOff(capture.snapshots.map(({ operator }) => operator));
    throw thrown;
  }
  return { operators, bytes };
}
