import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { writeFileDurably } from '../storage/write-file-durably.ts';
import { CheckpointHistory } from './checkpoint-history.ts';
import { bareRemains, type JobRemains } from './ended-job.ts';
import { defaultTaskParts } from './job-parts.ts';
import type { JobSpec } from './job-spec.ts';
import { openOutputLogs } from './output-logs.ts';
import { processIdentity } from './process-identity.ts';
import {
  newSocketPath,
  OUTCOME_FILE,
  type OutcomeFile,
  readSpec,
  removeRunnerFile,
  writeRunnerFile,
} from './runner-directory.ts';
import type { RunnerAssignment } from './runner-process.ts';
import { openRunnerServer } from './runner-server.ts';
import type { RunningJob } from './running-job.ts';
import { startJob } from './start-job.ts';
import { createThreadWorkers } from './thread-workers.ts';

// The program of a runner process. It loads what every job needs, is told its job on descriptor 3, says there when its
// socket answers, and has no parent from then on. A parent that dies before leaves no runner behind.

const LINE_DESCRIPTOR = 3;

const line = new Socket({ fd: LINE_DESCRIPTOR });
line.on('error', () => {}); // whoever started us has gone; the end of the line says so too
await Promise.all([import('./default-task-parts.ts'), import('./thread-workers.ts')]);
const { directory, attempt } = await readAssignment();
process.chdir(directory);
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

/** One line of JSON. Without a job there is nothing to stay for. */
async function readAssignment(): Promise<RunnerAssignment> {
  let text = '';
  for await (const chunk of line.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.endsWith('\n')) return JSON.parse(text) as RunnerAssignment;
  }
  process.exit();
}

async function run(spec: JobSpec): Promise<void> {
  const parts =
    spec.threads > 0
      ? { startWorkers: createThreadWorkers(defaultTaskParts(), (error) => die(spec, error)) }
      : {};
  const job = openOutputLogs(spec.plan, directory).then((deliver) =>
    startJob(spec, { ...parts, deliver }),
  );
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
  line.end('ready\n', () => line.destroy());
  const remains = await remainsOf(spec, job);
  // Where a later attempt has begun, how the job ends is not this one's to say.
  if (readSpec(directory)?.attempt === attempt) await writeRemains({ attempt, ...remains });
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

/**
 * A function does not come back, and nothing in this process is sure to stop it: the supervisor starts the next attempt from the last
 * checkpoint, and finds here why.
 */
function die(spec: JobSpec, error: MillraceError): never {
  const outcome = { kind: 'failed', error: error.report() } as const;
  try {
    const text = JSON.stringify({
      attempt,
      ...bareRemains({ ...spec, pid: process.pid }, outcome),
    });
    writeFileSync(join(directory, OUTCOME_FILE), text);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
  // Not reached: the signal cannot be caught.
  process.exit();
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

/** Worker threads or timers that are still about must not keep the process. */
function leave(): never {
  removeRunnerFile(directory, attempt);
  process.exit();
}
