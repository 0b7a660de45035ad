import type { Plan } from '../dataflow/plan.ts';
import type { Manifest } from './manifest.ts';
import type { DeadLetterEntry } from './task-capture.ts';
import type { TaskAcknowledged } from './worker-protocol.ts';

interface Job {
  readonly plan: Plan;
  readonly tasks: readonly { readonly chain: number; readonly task: number }[];
}

/**
 * A checkpoint's dead letters as lines of a file, one object each, all with the checkpoint's number: it tells
 * recovery which lines are there already. The row is in base64, as it came in.
 */
export function formatDeadLetters(
  job: Job,
  manifest: Manifest,
  acknowledged: readonly TaskAcknowledged[],
): string {
  const { checkpoint, completedAtMs } = manifest;
  let lines = '';
  for (const { index, deadLetters } of acknowledged) {
    const { task } = job.tasks[index];
    for (const letter of deadLetters) {
      lines += `${JSON.stringify({ checkpoint, atMs: completedAtMs, task, ...fieldsOf(letter) })}\n`;
    }
  }
  return lines;
}

function fieldsOf(letter: DeadLetterEntry): object {
  if (letter.kind === 'malformed') return letter;
  const { row, ...rest } = letter;
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  return { ...rest, row: bytes.toString('base64') };
}
