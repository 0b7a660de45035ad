/**
 * `npm run demo`: the main job on real input. Starts a server, compiles and uploads a function, submits a pipeline over
 * 100 MB of text, swaps the function while the job runs, kills the job's process, lets it end, and proves from the output
 * alone that every record was counted once and by which version.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import type { CheckpointRecord } from '../../host/runtime/checkpoint-record.ts';
import type { JobMetrics } from '../../host/runtime/job-metrics.ts';
import type { UpdateRecord } from '../../host/runtime/update-record.ts';
import { takeCensus, writeInput } from './input.ts';
import { createProgress, type Progress } from './progress.ts';
import { holds, type Proof, prove } from './proof.ts';
import { type DemoServer, post, request, startServer } from './server.ts';

/** When the demo acts, as shares of the input read. */
const SWAP_AT = 0.2;
const KILL_AT = 0.5;
const POLL_MS = 50;

interface Job {
  readonly id: string;
  readonly state: string;
  readonly restarts: number;
  readonly pid: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

async function main(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-demo-'));
  const progress = createProgress();
  let server: DemoServer | undefined;
  try {
    const input = join(folder, 'input.txt');
    const bytes = await progress.during('write the input', () => writeInput(input));
    progress.say(`input: ${(bytes / 2 ** 20).toFixed(0)} MiB of WordNet 3.1`);
    server = await progress.during('start the server', () => startServer(join(folder, 'data')));
    progress.say(`server: ${server.url}`);
    await upload(server, 1, progress);
    await upload(server, 2, progress);
    const job = await post<Job>(server, '/v1/jobs', pipeline(input, join(folder, 'out')));
    progress.say(`job: ${job.id}`);
    await watch(server, job.id, bytes, progress);
    await report(server, job.id, progress);
    const census = await progress.during('count the input independently', () => takeCensus(input));
    const proof = await progress.during('read the output', () =>
      prove(join(folder, 'out'), census),
    );
    print(proof, census);
    return holds(proof);
  } finally {
    progress.end();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Compiles `words.ts`, for version 2 with its one constant changed, and uploads it. */
async function upload(server: DemoServer, version: number, progress: Progress): Promise<void> {
  const file = join(import.meta.dirname, 'words.ts');
  const source = (await readFile(file, 'utf8')).replace(
    'VERSION: i32 = 1',
    `VERSION: i32 = ${version}`,
  );
  const { wasm } = await progress.during(`compile version ${version}`, () =>
    compileAssemblyScript({ source, name: 'words.ts' }),
  );
  await request(server, `/v1/modules/words/versions/${version}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/wasm' },
    body: wasm as BodyInit,
  });
  progress.say(`module: words@${version}, ${wasm.length} bytes`);
}

function pipeline(input: string, output: string): object {
  return {
    name: 'demo',
    parallelism: 2,
    checkpoint: { every: '200ms' },
    modules: { text: 'words@1' },
    sources: { lines: { connector: 'file', path: input, format: 'lines', splitBytes: '4MiB' } },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      counts: { reduce: 'text.sum', from: 'words', key: ['word', 'version'], emit: 'end' },
    },
    sinks: { out: { from: 'counts', connector: 'file', path: output, format: 'json' } },
  };
}

/** Follows the job to its end; swaps and kills on the way. */
async function watch(
  server: DemoServer,
  id: string,
  bytes: number,
  progress: Progress,
): Promise<void> {
  let swapped = false;
  let killed = false;
  for (;;) {
    const job = await request<Job>(server, `/v1/jobs/${id}`);
    if (job.state === 'finished') break;
    if (['failed', 'stopped', 'cancelled'].includes(job.state)) {
      throw new Error(`the job ${job.state}: ${job.error?.code} ${job.error?.message}`);
    }
    const share = await showProgress(server, job, bytes, progress);
    if (!swapped && share >= SWAP_AT) {
      swapped = true;
      await post<UpdateRecord>(server, `/v1/jobs/${id}/steps/words/updates`, { module: 'words@2' });
      progress.say(`at ${percent(share)}: swap words@1 → words@2 requested, the job goes on`);
    }
    if (!killed && share >= KILL_AT && job.pid !== null && (await hasSettled(server, id))) {
      killed = true;
      process.kill(job.pid, 'SIGKILL');
      progress.say(`at ${percent(share)}: SIGKILL to the job's process ${job.pid}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  progress.endLine();
  if (!swapped || !killed) throw new Error('the job ended before it could be swapped and killed');
}

async function showProgress(
  server: DemoServer,
  job: Job,
  bytes: number,
  progress: Progress,
): Promise<number> {
  if (job.state !== 'running') {
    progress.line(`${job.state} …`);
    return 0;
  }
  const metrics = await request<JobMetrics>(server, `/v1/jobs/${job.id}/metrics`).catch(
    () => undefined,
  );
  const source = metrics?.operators.find((operator) => operator.id === 'lines');
  const words = metrics?.operators.find((operator) => operator.id === 'words');
  if (metrics === undefined || source === undefined || words === undefined) return 0;
  const lag = source.lagBytes ?? bytes;
  const share = 1 - lag / bytes;
  progress.rate(metrics.atMs, words.recordsOut, (rate) =>
    [
      percent(share).padStart(4),
      `${(rate / 1e6).toFixed(1)} M words/s`,
      `lag ${(lag / 2 ** 20).toFixed(0)} MiB`,
      `words runs ${words.version ?? '?'}`,
      `${metrics.checkpoints.completed} checkpoints`,
    ].join('  ·  '),
  );
  return share;
}

async function hasSettled(server: DemoServer, id: string): Promise<boolean> {
  const { updates } = await request<{ updates: readonly UpdateRecord[] }>(
    server,
    `/v1/jobs/${id}/updates`,
  );
  return updates.some((update) => update.state === 'settled');
}

/** What the server says about the swap and the restart. */
async function report(server: DemoServer, id: string, progress: Progress): Promise<void> {
  const { updates } = await request<{ updates: readonly UpdateRecord[] }>(
    server,
    `/v1/jobs/${id}/updates`,
  );
  for (const update of updates) {
    const pauses = update.pauses
      .map((pause) => `task ${pause.task} ${pause.pauseMs.toFixed(3)} ms`)
      .join(', ');
    progress.say(
      `update ${update.update}: ${update.state} at checkpoint ${update.checkpoint}, pause ${pauses}`,
    );
  }
  const job = await request<Job>(server, `/v1/jobs/${id}`);
  const { checkpoints } = await request<{ checkpoints: readonly CheckpointRecord[] }>(
    server,
    `/v1/jobs/${id}/checkpoints`,
  );
  const last = checkpoints.at(-1)?.checkpoint;
  progress.say(`job: ${job.state}, restarted ${job.restarts} time(s), last checkpoint ${last}`);
}

function print(proof: Proof, census: { readonly lines: number; readonly words: number }): void {
  const rows = [...proof.versions].sort(([a], [b]) => a - b);
  const cell = (value: number | string) => value.toLocaleString('en-US').padStart(14);
  const lines = rows.reduce((sum, [, tally]) => sum + tally.lines, 0);
  const words = rows.reduce((sum, [, tally]) => sum + tally.words, 0);
  console.log(`\n${''.padEnd(22)}${cell('lines')}${cell('words')}`);
  for (const [version, tally] of rows) {
    console.log(`${`made by words@${version}`.padEnd(22)}${cell(tally.lines)}${cell(tally.words)}`);
  }
  console.log(`${'output together'.padEnd(22)}${cell(lines)}${cell(words)}`);
  console.log(`${'input, counted apart'.padEnd(22)}${cell(census.lines)}${cell(census.words)}`);
  console.log(
    `\nlost ${proof.lost}  ·  repeated ${proof.repeated}  ·  wrong counts ${proof.wrong}  ·  invented ${proof.invented}`,
  );
  console.log(
    holds(proof) ? '\nproved: every record once, by exactly one version' : '\nNOT PROVED',
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

process.exitCode = (await main()) ? 0 : 1;
