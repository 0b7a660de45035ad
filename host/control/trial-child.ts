import { buffer } from 'node:stream/consumers';
import { deserialize } from 'node:v8';
import { MillraceError } from '../errors.ts';
import type { TrialInput } from '../sandbox/trial/trial.ts';
import { tryModule } from '../sandbox/trial/try-module.ts';
import type { TrialAnswer } from './try-upload.ts';
import { writeAnswer } from './write-answer.ts';

// The program of the child in which an uploaded module is tried, see `try-upload.ts`.

writeAnswer(await answer(deserialize(await buffer(process.stdin)) as TrialInput));
// Whatever the engine still compiles in the background is of no interest.
process.exit();

async function answer(input: TrialInput): Promise<TrialAnswer> {
  try {
    return { ok: true, report: await tryModule(input) };
  } catch (thrown) {
    return { ok: false, error: MillraceError.from(thrown).report() };
  }
}
