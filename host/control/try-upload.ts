import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import {
  TRIAL_ANSWER_BYTES_MAX,
  TRIAL_RSS_BYTES_MAX,
  TRIAL_TIMEOUT_MS,
  TRIALS_AT_ONCE,
} from '../admission-limits.ts';
import { type ErrorReport, MillraceError } from '../errors.ts';
import { MEMORY_PAGES_MAX } from '../limits.ts';
import type { TrialInput, TrialReport } from '../sandbox/trial/trial.ts';
import { type ChildLimits, runFencedChild } from './fenced-child.ts';
import { createLanes } from './lanes.ts';

/** Tries a module that passed the gate. Throws `MODULE_NOT_ADMITTED`, `UPLOADS_BUSY`. */
export type TryUpload = (input: TrialInput) => Promise<TrialReport>;

/** What the child answers. */
export type TrialAnswer =
  | { readonly ok: true; readonly report: TrialReport }
  | { readonly ok: false; readonly error: ErrorReport };

const LIMITS: ChildLimits = {
  timeoutMs: TRIAL_TIMEOUT_MS,
  residentBytesMax: TRIAL_RSS_BYTES_MAX,
  answerBytesMax: TRIAL_ANSWER_BYTES_MAX,
};

const PROGRAM = fileURLToPath(new URL('./trial-child.ts', import.meta.url));
const FLAGS = ['--max-old-space-size=256', `--wasm-max-mem-pages=${MEMORY_PAGES_MAX}`];

/** Of all catalogs of this process together: each trial may take half a GiB. */
const lanes = createLanes(TRIALS_AT_ONCE);

/**
 * Compiles, starts and runs each upload in a process of its own, a few at a time: whatever the module does to the engine, it
 * does it there.
 */
export function createTryUpload(limits: Partial<ChildLimits> = {}): TryUpload {
  const child = { program: PROGRAM, flags: FLAGS, limits: { ...LIMITS, ...limits } };
  return (input) =>
    lanes(async () => {
      const { text, killed } = await runFencedChild({ ...child, input: serialize(input) });
      return decode(text, killed);
    });
}

function decode(text: string, killed: string | undefined): TrialReport {
  let answer: TrialAnswer;
  try {
    answer = JSON.parse(text) as TrialAnswer;
  } catch (cause) {
    const reason = killed ?? 'ended the process in which it was tried';
    throw new MillraceError('MODULE_NOT_ADMITTED', `the module ${reason}`, {
      hint: 'look for very large functions or tables, and for work done when the module starts',
      cause,
    });
  }
  if (answer.ok) return answer.report;
  throw MillraceError.fromReport(answer.error);
}
