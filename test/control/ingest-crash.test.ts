import { expect, onTestFinished, test } from 'vitest';
import { COMMAND, type Program, startProgram } from '../kit/run-program.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { wasm, yaml } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import { wordCountModule } from '../kit/word-count-module.ts';
import { exactCounts, isAlive, type Job } from '../kit/word-count-server.ts';

const PIPELINE = `
name: count
checkpoint: { every: 100ms }
modules: { text: text@1 }
sources: { lines: { connector: http, format: lines, partitions: 2 } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: file, path: out, format: json } }
`;

interface ServerProcess {
  readonly url: string;
  readonly program: Program;
}

async function startServer(data: string): Promise<ServerProcess> {
  const args = [COMMAND, 'serve', '--json', '--port', '0', '--data', data];
  const program = startProgram(process.execPath, args);
  onTestFinished(async () => {
    program.child.kill('SIGKILL');
    await program.ended;
  });
  const line = await new Promise<string>((resolve) => {
    program.child.stdout?.once('data', (chunk) => resolve(String(chunk)));
  });
  return { url: (JSON.parse(line) as { readonly url: string }).url, program };
}

async function kill({ program }: ServerProcess): Promise<void> {
  // The command's entry hands over to another process, which ends with it.
  program.child.kill('SIGKILL');
  await program.ended;
}

test('what senders repeat until it is acknowledged counts once, though servers and runners are killed', {
  timeout: 120_000,
}, async () => {
  const [data, folder] = [temporaryDirectory(), temporaryDirectory()];
  let server = await startServer(data);
  const request = async <T>(path: string, init?: RequestInit) => {
    const response = await fetch(server.url + path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  await request('/v1/modules/text', wasm(await wordCountModule(), 'POST'));
  const query = new URLSearchParams({ baseDirectory: folder });
  const { id } = await request<Job>(`/v1/jobs?${query}`, yaml(PIPELINE));

  let sending = true;
  let acknowledged = 0;
  const sender = async (name: string) => {
    let sent = 0;
    for (; sending; sent += 1) {
      const init: RequestInit = {
        method: 'POST',
        headers: { 'content-type': 'text/plain', 'idempotency-key': `${name}-${sent}` },
        body: `${name} all\n${name} all\n`,
      };
      const path = `/v1/jobs/${id}/sources/lines/records`;
      await until('it is acknowledged', () => request(path, init).catch(() => false));
      acknowledged += 1;
    }
    return sent;
  };
  const senders = ['anna', 'ben', 'cleo'].map(sender);
  const progress = async (more: number) => {
    const goal = acknowledged + more;
    await until('more is acknowledged', () => acknowledged >= goal);
  };

  for (let death = 0; death < 3; death++) {
    await progress(30);
    const { pid } = await until('a runner', async () => {
      const job = await request<Job>(`/v1/jobs/${id}`);
      return job.pid !== null && job;
    });
    if (death > 0) process.kill(Number(pid), 'SIGKILL');
    await kill(server);
    if (death === 0) expect(isAlive(Number(pid))).toBe(true);
    server = await startServer(data);
  }
  await progress(30);
  sending = false;
  const [anna, ben, cleo] = await Promise.all(senders);
  await request(`/v1/jobs/${id}/sources/lines/end`, { method: 'POST' });
  await until('the job has finished', async () => {
    const { state } = await request<Job>(`/v1/jobs/${id}`);
    return state === 'finished';
  });
  expect(exactCounts(folder)).toEqual({
    anna: 2 * anna,
    ben: 2 * ben,
    cleo: 2 * cleo,
    all: 2 * (anna + ben + cleo),
  });
});
