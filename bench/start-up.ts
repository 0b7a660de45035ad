/**
 * How long from submitting a job to its first committed record, and what does a job cost while it has nothing to do?
 *
 * A server in a process of its own, as users run it; jobs are submitted over HTTP. Start-up: a bounded word count whose output
 * appears with its last checkpoint; the clock stops when the file is there. Idle: the processor time of the runner over a
 * while in which its source yields nothing (`/proc`, Linux only).
 *
 * Not measured here: compiling AssemblyScript, large state to restore, the server's own start.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { post, request, startServer } from '../udfs/demo/server.ts';
import { median, readOptions, report } from './kit.ts';

const CLOCK_TICKS_PER_SECOND = 100;
const options = readOptions();
const jobs = options.quick ? 2 : 9;
const idleMs = options.quick ? 500 : 10_000;
const folder = mkdtempSync(join(tmpdir(), 'millrace-start-up-'));
const server = await startServer(join(folder, 'data'));

function wordCount(name: string, source: object): object {
  return {
    name,
    parallelism: 1,
    modules: { text: 'words@1' },
    sources: { lines: source },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word' },
    },
    sinks: { out: { from: 'counts', connector: 'file', path: join(folder, name), format: 'json' } },
  };
}

async function upload(): Promise<void> {
  const { wasm } = await compileAssemblyScript({
    path: join(import.meta.dirname, '../udfs/word-count/word-count.ts'),
  });
  await request(server, '/v1/modules/words/versions/1', {
    method: 'PUT',
    headers: { 'content-type': 'application/wasm' },
    body: wasm as BodyInit,
  });
}

async function submitToFirstRecord(name: string): Promise<number> {
  const input = join(folder, 'input.txt');
  writeFileSync(input, 'to be or not to be\n');
  const start = performance.now();
  await post(server, '/v1/jobs', wordCount(name, { connector: 'file', path: input }));
  while (committed(join(folder, name)) === 0) await pass(1);
  return performance.now() - start;
}

function committed(output: string): number {
  try {
    return readdirSync(output).filter((file) => !file.startsWith('.')).length;
  } catch {
    return 0;
  }
}

/** Share of one core that the runner of a job without input uses, in percent. */
async function idleShare(): Promise<number | null> {
  if (platform() !== 'linux') return null;
  // One record at the start, the next one in a day.
  const source = {
    connector: 'generator',
    rate: 0.00001,
    fields: { text: { words: { of: ['to', 'be'], count: 3 } } },
  };
  const { id } = await post<{ id: string }>(server, '/v1/jobs', wordCount('idle', source));
  let pid: number | null = null;
  while (pid === null) {
    await pass(20);
    pid = (await request<{ pid: number | null }>(server, `/v1/jobs/${id}`)).pid;
  }
  await pass(options.quick ? 200 : 2_000);
  const before = processorSeconds(pid);
  await pass(idleMs);
  const share = ((processorSeconds(pid) - before) / (idleMs / 1_000)) * 100;
  await request(server, `/v1/jobs/${id}`, { method: 'DELETE' });
  return share;
}

function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

try {
  await upload();
  const times: number[] = [];
  for (let i = 0; i < jobs; i++) times.push(await submitToFirstRecord(`job${i}`));
  report(
    'start-up and idleness',
    [
      { measure: 'submit → first committed record, first job, ms', value: times[0] },
      { measure: 'the same, median of the others, ms', value: median(times.slice(1)) },
      { measure: 'the same, slowest, ms', value: Math.max(...times.slice(1)) },
      { measure: 'processor time of an idle runner, % of a core', value: await idleShare() },
    ],
    options,
  );
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
