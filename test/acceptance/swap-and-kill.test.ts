import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import type { JobMetrics } from '../../host/runtime/job-metrics.ts';
import type { UpdateRecord } from '../../host/runtime/update-record.ts';
import { takeCensus } from '../../udfs/demo/input.ts';
import { prove } from '../../udfs/demo/proof.ts';
import { COMMAND, type Program, startProgram } from '../kit/run-program.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { until } from '../kit/until.ts';
import { isAlive, type Job } from '../kit/word-count-server.ts';

const LINES = 60_000;
/** Loops a line costs beyond its words: keeps both threads busy for seconds over a few megabytes. */
const WORK = 60_000;

/** A word count that stamps each record with its version. */
function source(version: number): string {
  return `
import { Emitter, flatMap, record, reduce, Utf8 } from '@millrace/guest-sdk';
@record class Line { text: Utf8; }
@record class Word { word: Utf8; version: i32 = ${version}; count: i64 = 1; mix: u32 = 0; }
export const words = flatMap((line: Line, out: Emitter<Word>): void => {
  const word = new Word();
  let mix: u32 = line.text.length;
  for (let i = 0; i < ${WORK}; i++) mix = mix * 31 + (mix >> 7);
  word.mix = mix;
  const pieces = line.text.words();
  while (pieces.next()) { word.word = pieces.value; out.emit(word); }
});
export const sum = reduce((a: Word, b: Word): Word => { a.count += b.count; return a; });
`;
}

/** Lines that start with a word of their own, so that the output can tell of each what became of it. */
function writeLines(path: string): void {
  const words = Array.from({ length: 997 }, (_, i) => `w${(i * 7_919) % 65_537}`);
  const lines: string[] = [];
  for (let i = 0; i < LINES; i++) {
    const from = (i * 31) % 980;
    lines.push(`#${i} ${words.slice(from, from + 12).join(' ')}\n`);
  }
  writeFileSync(path, lines.join(''));
}

const PIPELINE = {
  name: 'words',
  parallelism: 2,
  checkpoint: { every: '100ms' },
  modules: { text: 'words@1' },
  sources: { lines: { connector: 'file', path: 'in.txt', format: 'lines', splitBytes: '256KiB' } },
  steps: {
    words: { flatMap: 'text.words', from: 'lines' },
    counts: { reduce: 'text.sum', from: 'words', key: ['word', 'version'], emit: 'end' },
  },
  sinks: { out: { from: 'counts', connector: 'file', path: 'out', format: 'json' } },
};

/** A server in a process of its own, as a user has it. */
interface Server {
  readonly program: Program;
  request<T>(path: string, method?: string, body?: object | Uint8Array): Promise<T>;
}

async function startServer(data: string): Promise<Server> {
  const args = [COMMAND, 'serve', '--json', '--port', '0', '--data', data];
  const program = startProgram(process.execPath, args);
  onTestFinished(async () => {
    program.child.kill('SIGKILL');
    await program.ended;
  });
  const line = await new Promise<string>((resolve) => {
    program.child.stdout?.once('data', (chunk) => resolve(String(chunk)));
  });
  const { url } = JSON.parse(line) as { readonly url: string };
  return {
    program,
    async request<T>(path: string, method = 'GET', body?: object | Uint8Array) {
      const bytes = body instanceof Uint8Array;
      const type = bytes ? 'application/wasm' : 'application/json';
      const response = await fetch(url + path, {
        method,
        ...(body === undefined ? {} : { headers: { 'content-type': type } }),
        ...(body === undefined
          ? {}
          : { body: bytes ? new Uint8Array(body) : JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
      return JSON.parse(text) as T;
    },
  };
}

/** Records that the words have been put out by the running attempt. */
async function progress(server: Server): Promise<number> {
  const none = { operators: [] } as unknown as JobMetrics;
  const { operators } = await server
    .request<JobMetrics>('/v1/jobs/words-1/metrics')
    .catch(() => none);
  return operators.find((operator) => operator.id === 'words')?.recordsOut ?? 0;
}

test('a job at full load is swapped, its server and its runner are killed, and every record counts once', {
  timeout: 120_000,
}, async () => {
  const folder = temporaryDirectory();
  const data = join(folder, 'data');
  writeLines(join(folder, 'in.txt'));
  const first = await startServer(data);
  for (const version of [1, 2]) {
    const { wasm } = await compileAssemblyScript({ source: source(version), name: 'words.ts' });
    await first.request(`/v1/modules/words/versions/${version}`, 'PUT', wasm);
  }
  const query = new URLSearchParams({ baseDirectory: folder });
  await first.request(`/v1/jobs?${query}`, 'POST', PIPELINE);
  await until('records', async () => (await progress(first)) > 0);

  const { update } = await first.request<UpdateRecord>(
    ...(['/v1/jobs/words-1/steps/words/updates', 'POST', { module: 'words@2' }] as const),
  );
  const settled = await until('the swap', async () => {
    const record = await first.request<UpdateRecord>(`/v1/jobs/words-1/updates/${update}`);
    return record.state === 'settled' && record;
  });
  expect(settled.pauses.map((pause) => pause.task).sort()).toEqual([0, 1]);
  for (const { pauseMs } of settled.pauses) expect(pauseMs).toBeGreaterThan(0);
  const before = await first.request<Job>('/v1/jobs/words-1');
  expect(before).toMatchObject({ state: 'running', attempt: 1, endedAtMs: null });

  first.program.child.kill('SIGKILL');
  await first.program.ended;
  expect(isAlive(before.pid as number), 'the job goes on').toBe(true);
  const second = await startServer(data);
  const taken = await until('the job is taken up', async () => {
    const job = await second.request<Job>('/v1/jobs/words-1');
    return job.pid !== null && job;
  });
  expect(taken).toMatchObject({ state: 'running', attempt: 1, restarts: 0, pid: before.pid });
  expect(taken.modules.words.ref).toBe('words@2');

  process.kill(taken.pid as number, 'SIGKILL');
  const ended = await until(
    'the end',
    async () => {
      const job = await second.request<Job>('/v1/jobs/words-1');
      return job.endedAtMs !== null && job;
    },
    90_000,
  );
  expect(ended).toMatchObject({ state: 'finished', restarts: 1 });

  const census = await takeCensus(join(folder, 'in.txt'));
  const proof = await prove(join(folder, 'out'), census);
  expect(proof).toMatchObject({ lost: 0, repeated: 0, wrong: 0, invented: 0 });
  expect([...proof.versions.keys()].sort()).toEqual([1, 2]);
  const lines = [...proof.versions.values()].reduce((sum, tally) => sum + tally.lines, 0);
  expect(lines).toBe(LINES);
});
