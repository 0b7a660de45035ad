/**
 * What does a checkpoint every second cost a job with a million keys, and how soon is it back after its process was killed?
 *
 * A keyed count over generated records with uniformly distributed keys, as fast as one worker thread goes, in a runner process under a server: all keys
 * change from one checkpoint to the next, so each writes everything, which is the worst case. The job with checkpoints and one without run in turn,
 * each paused while the other runs. Then the runner of the first is killed with SIGKILL, again and again.
 *
 * Not measured here: storage other than the local disk, records that arrive over a network.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import type { CheckpointRecord } from '../host/runtime/checkpoint-record.ts';
import type { JobMetrics } from '../host/runtime/job-metrics.ts';
import { post, request, startServer } from '../udfs/demo/server.ts';
import { type Line, median, readOptions, report } from './kit.ts';

const options = readOptions();
const keys = options.quick ? 2_000 : 1_000_000;
const turns = options.quick ? 1 : 7;
const turnMs = options.quick ? 200 : 4_000;
const kills = options.quick ? 1 : 5;
const interval = options.quick ? '50ms' : '1s';
const folder = mkdtempSync(join(tmpdir(), 'millrace-checkpoint-'));
const server = await startServer(join(folder, 'data'));

interface JobView {
  readonly id: string;
  readonly attempt: number;
  readonly pid: number | null;
}

function pipelineOf(name: string, every: string) {
  return {
    name,
    parallelism: 1,
    checkpoint: { every },
    // As soon after the last kill as after the first.
    restart: { fixedDelay: { attempts: 100, delay: '100ms' } },
    modules: { hits: 'hits@1' },
    sources: {
      events: {
        connector: 'generator',
        fields: { user: { uniform: { min: 0, max: keys - 1 } }, hits: { choice: [1] } },
      },
    },
    steps: { counts: { reduce: 'hits.count', from: 'events', key: 'user', emit: 'end' } },
    sinks: { out: { from: 'counts', connector: 'file', path: join(folder, 'out', name) } },
  };
}

async function countsOf(id: string) {
  const { operators } = await request<JobMetrics>(server, `/v1/jobs/${id}/metrics`);
  const counts = operators.find((one) => one.id === 'counts');
  return { records: counts?.recordsIn ?? 0, entries: counts?.stateEntries ?? 0 };
}

async function until(condition: () => Promise<boolean>, everyMs: number): Promise<void> {
  while (!(await condition().catch(() => false))) await pass(everyMs);
}

/** A job that has seen nearly all keys, paused. */
async function prepare(name: string, every: string): Promise<string> {
  const { id } = await post<{ id: string }>(server, '/v1/jobs', pipelineOf(name, every));
  await until(async () => (await countsOf(id)).entries > 0.99 * keys, 50);
  await post(server, `/v1/jobs/${id}/pause`, {});
  return id;
}

/** Records a second while the job runs. */
async function measure(id: string): Promise<number> {
  const before = await countsOf(id);
  const startedMs = performance.now();
  await post(server, `/v1/jobs/${id}/resume`, {});
  await pass(turnMs);
  await post(server, `/v1/jobs/${id}/pause`, {});
  const after = await countsOf(id);
  return ((after.records - before.records) / (performance.now() - startedMs)) * 1_000;
}

/** Milliseconds from the kill of the runner to the first record that the next attempt counts. */
async function kill(id: string): Promise<number> {
  const { pid, attempt } = await request<JobView>(server, `/v1/jobs/${id}`);
  const startedMs = performance.now();
  process.kill(pid as number, 'SIGKILL');
  await until(async () => (await request<JobView>(server, `/v1/jobs/${id}`)).attempt > attempt, 5);
  await until(async () => (await countsOf(id)).records > 0, 5);
  return performance.now() - startedMs;
}

try {
  const path = join(import.meta.dirname, 'guests/hits.ts');
  const { wasm } = await compileAssemblyScript({ path });
  await request(server, '/v1/modules/hits/versions/1', {
    method: 'PUT',
    headers: { 'content-type': 'application/wasm' },
    body: wasm as BodyInit,
  });
  const without = await prepare('without', 'off');
  const every = await prepare('every-second', interval);
  const rates: { readonly [job: string]: number[] } = { without: [], every: [] };
  for (let turn = 0; turn < turns; turn++) {
    rates.without.push(await measure(without));
    rates.every.push(await measure(every));
  }
  await request(server, `/v1/jobs/${without}`, { method: 'DELETE' });
  await post(server, `/v1/jobs/${every}/resume`, {});
  const none = median(rates.without);
  const some = median(rates.every);
  const lines: Line[] = [
    { checkpoints: 'none', 'M records/s': none / 1e6, 'cost, %': null },
    { checkpoints: 'every second', 'M records/s': some / 1e6, 'cost, %': 100 * (1 - some / none) },
  ];
  report(`keyed count, ${keys} keys`, lines, options);
  const { checkpoints } = await request<{ checkpoints: readonly CheckpointRecord[] }>(
    server,
    `/v1/jobs/${every}/checkpoints`,
  );
  const done = checkpoints.filter((one) => one.state === 'completed' && one.bytes > 0);
  const figures = (values: readonly number[]) => ({
    median: values.length === 0 ? null : median(values),
    worst: values.length === 0 ? null : Math.max(...values),
  });
  report(
    'its checkpoints',
    [
      { what: 'pause of the task at the barrier, ms', ...figures(done.map((one) => one.pauseMs)) },
      { what: 'from trigger to durable, ms', ...figures(done.map((one) => one.durationMs)) },
      { what: 'written, MiB', ...figures(done.map((one) => one.bytes / 2 ** 20)) },
    ],
    options,
  );
  const times: number[] = [];
  for (let i = 0; i < kills; i++) {
    times.push(await kill(every));
    await pass(options.quick ? 50 : 2_500);
  }
  report('from SIGKILL to the first new record, ms', [{ kills, ...figures(times) }], options);
  // A server that stops leaves its jobs running.
  await request(server, `/v1/jobs/${every}`, { method: 'DELETE' });
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
