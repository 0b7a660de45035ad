import { closeSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { writeFileDurably } from '../storage/write-file-durably.ts';
import { CheckpointHistory } from './checkpoint-history.ts';
import { bareRemains, type JobRemains } from './ended-job.ts';
import type { JobSpec } from './job-spec.ts';
import { processIdentity } from './process-identity.ts';
import {
  newSocketPath,
  OUTCOME_FILE,
  type OutcomeFile,
  readSpec,
  removeRunnerFile,
  writeRunnerFile,
} from './runner-directory.ts';
import { openRunnerServer } from './runner-server.ts';
import type { RunningJob } from './running-job.ts';
import { startJob } from './start-job.ts';

// The program of a runner process: `node runner-main.ts <job directory> <attempt>`. Whoever started it may die: nothing
// here needs it after the start. File descriptor 3, if open, is told when the socket answers.

const READY_DESCRIPTOR = 3;

const [directory, attempt] = [process.argv[2], Number(process.argv[3])];
const socket = newSocketPath(directory, attempt);
writeRunnerFile(directory, {
  pid: process.pid,
  identity: processIdentity(process.pid),
  socket,
  attempt,
  startedAtMs: Date.now(),
});
const spec = readSpec(directory);
// Somebody has started a later attempt and may have looked for us before our file was there (D2).
if (spec === undefined || spec.attempt !== attempt) leave();
else await run(spec);

async function run(spec: JobSpec): Promise<void> {
  const job = startJob(spec);
  const history = new CheckpointHistory(directory);
  job.then(
    (started) =>
      started.subscribe((event) => {
        if (event.kind !== 'checkpoint' || event.checkpoint.state === 'running') return;
        history.add(event.checkpoint);
      }),
    () => {},
  );
  const server = await openRunnerServer({ id: spec.id, attempt, socket, job });
  sayReady();
  const remains = await remainsOf(spec, job);
  await writeRemains({ attempt, ...remains });
  await server.end(remains.outcome);
  leave();
}

async function remainsOf(spec: JobSpec, starting: Promise<RunningJob>): Promise<JobRemains> {
  try {
    const job = await starting;
    const outcome = await job.ended;
    return { outcome, report: await job.status(), metrics: await job.metrics() };
  } catch (thrown) {
    console.error(thrown);
    const error = MillraceError.from(thrown).report();
    return bareRemains({ ...spec, pid: process.pid }, { kind: 'failed', error });
  }
}

/** Last of all, so that a supervisor that comes later knows. A disk that is full must not make a job run for ever. */
async function writeRemains(file: OutcomeFile): Promise<void> {
  try {
    await writeFileDurably(
      join(directory, OUTCOME_FILE),
      new TextEncoder().encode(JSON.stringify(file)),
    );
  } catch (thrown) {
    console.error(thrown);
  }
}

function sayReady(): void {
  try {
    writeSync(READY_DESCRIPTOR, 'ready\n');
    closeSync(READY_DESCRIPTOR);
  } catch {
    // Nobody is there any more to hear it; the job runs nevertheless.
  }
}

/** Worker threads or timers that are still about must not keep the process. */
function leave(): never {
  removeRunnerFile(directory, attempt);
  process.exit();
}
