import { MillraceError } from '../errors.ts';
import {
  RESTART_BACKOFF_MAX_MS,
  RESTART_BACKOFF_MS,
  RESTART_HEALTHY_MS,
  RESTARTS_MAX,
} from '../limits.ts';

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly failuresInARow: number }
  | { readonly kind: 'fail'; readonly error: MillraceError };

export interface Failure {
  readonly job: string;
  readonly error: MillraceError;
  readonly failuresInARow: number;
  /** How long the attempt had been running; 0 when it never did. */
  readonly wellForMs: number;
}

/**
 * What a failure means for a job. A fault of task scope goes away with a restart, perhaps; one of job or record scope
 * would be met again. `INTERNAL` is a fault of ours, of which nobody knows, so it gets its chance.
 */
export function decideRestart(failure: Failure): RestartDecision {
  const { error } = failure;
  if (error.scope !== 'task' && error.code !== 'INTERNAL') return { kind: 'fail', error };
  const well = failure.wellForMs >= RESTART_HEALTHY_MS;
  const failuresInARow = well ? 1 : failure.failuresInARow + 1;
  if (failuresInARow > RESTARTS_MAX) return { kind: 'fail', error: exhausted(failure) };
  const delayMs = Math.min(RESTART_BACKOFF_MS * 2 ** (failuresInARow - 1), RESTART_BACKOFF_MAX_MS);
  return { kind: 'restart', delayMs, failuresInARow };
}

function exhausted({ job, error }: Failure): MillraceError {
  return new MillraceError(
    'RESTARTS_EXHAUSTED',
    `job "${job}" failed ${RESTARTS_MAX + 1} times in a row, last with ${error.code}: ${error.message}`,
    {
      details: error.details,
      hint: error.hint === '' ? 'the exceptions of the job tell what happened' : error.hint,
      cause: error,
    },
  );
}
