/**
 * Does a job's memory grow while it runs?
 *
 * Ten minutes of an endless word count, a million words a second over a bounded vocabulary, a checkpoint a second, in a runner process under
 * a server; the runner's resident memory is read every second. The line says the median of each minute, and the growth from
 * the second minute to the last.
 *
 * Not measured here: memory per key (see `state.ts`), the server's own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import type { JobMetrics } from '../host/runtime/job-metrics.ts';
import { post, request, startServer } from '../udfs/demo/server.ts';
import { type Line, median, readOptions, report } from './kit.ts';

const VOCABULARY = 10_000;
const LINES_PER_SECOND = 100_000;
const options = readOptions();
const minutes = options.quick ? 2 : 10;
const samplesPerMinute = options.quick ? 3 : 60;
const sampleMs = options.quick ? 200 : 1_000;
const folder = mkdtempSync(join(tmpdir(), 'millrace-memory-'));
const server = await startServer(join(folder, 'data'));

const pipeline = {
  name: 'endless',
  parallelism: 1,
  checkpoint: { every: '1s' },
  modules: { text: 'words@1' },
  sources: {
    lines: {
      connector: 'generator',
      rate: LINES_PER_SECOND,
      fields: {
        text: {
          words: { of: Array.from({ length: VOCABULARY }, (_, i) => `word${i}`), count: 10 },
        },
      },
    },
  },
  steps: {
    words: { flatMap: 'text.words', from: 'lines' },
    counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' },
  },
  sinks: { out: { from: 'counts', connector: 'file', path: join(folder, 'out') } },
};

async function sample(id: string): Promise<JobMetrics> {
  await pass(sampleMs);
  return request<JobMetrics>(server, `/v1/jobs/${id}/metrics`);
}

try {
  const path = join(import.meta.dirname, '../udfs/word-count/word-count.ts');
  const { wasm } = await compileAssemblyScript({ path });
  await request(server, '/v1/modules/words/versions/1', {
    method: 'PUT',
    headers: { 'content-type': 'application/wasm' },
    body: wasm as BodyInit,
  });
  const { id } = await post<{ id: string }>(server, '/v1/jobs', pipeline);
  while ((await request<{ pid: number | null }>(server, `/v1/jobs/${id}`)).pid === null)
    await pass(50);
  const lines: Line[] = [];
  const medians: number[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    const samples: JobMetrics[] = [];
    while (samples.length < samplesPerMinute) samples.push(await sample(id));
    const last = samples[samples.length - 1];
    const resident = median(samples.map((one) => one.process.rssBytes)) / 2 ** 20;
    medians.push(resident);
    lines.push({
      minute,
      'resident, MiB': resident,
      'records so far, M': last.operators.reduce((sum, one) => sum + one.recordsIn, 0) / 1e6,
      checkpoints: last.checkpoints.completed,
    });
  }
  report('resident memory of a runner, by minute', lines, options);
  const growth = medians[medians.length - 1] - medians[Math.min(1, medians.length - 1)];
  report('growth from the second minute to the last', [{ 'growth, MiB': growth }], options);
  await request(server, `/v1/jobs/${id}`, { method: 'DELETE' });
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
