import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serve } from '../../host/control/serve.ts';
import type { ErrorReport } from '../../host/errors.ts';
import type { CheckpointRecord } from '../../host/runtime/checkpoint-record.ts';
import type { JobMetrics } from '../../host/runtime/job-metrics.ts';
import { addBuffer, handMadeGuest, NUMBERS } from '../kit/hand-made-guest.ts';
import { createSmallDisk, smallDiskRefusal } from '../kit/small-disk.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer, type TestServer, wasm, yaml } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import { TYPE, WasmBuilder } from '../kit/wasm-builder.ts';
import { wordCountModule } from '../kit/word-count-module.ts';
import {
  exactCounts,
  type Job,
  overFile,
  overGenerator,
  overMissingFile,
  reaches,
  startWordCountServer,
  submit,
  type WordCountServer,
} from '../kit/word-count-server.ts';

const SLOW = { timeout: 120_000 };
const NO_SMALL_DISK = smallDiskRefusal();

/** Something bad that comes in by HTTP, and the code that it is answered with. */
interface BadRequest {
  readonly what: string;
  readonly code: string;
  readonly path: string;
  readonly init: RequestInit;
}

function upload(what: string, code: string, bytes: Uint8Array): BadRequest {
  return { what, code, path: '/v1/modules/bad', init: wasm(bytes, 'POST') };
}

function document(what: string, code: string, text: string): BadRequest {
  return { what, code, path: '/v1/jobs?baseDirectory=/nonexistent', init: yaml(text) };
}

/** A module whose section says `section` and whose function `pass` takes one number too few. */
function guestSaying(section: object): Uint8Array {
  const guest = handMadeGuest();
  addBuffer(guest);
  const index = guest.builder.function({ params: [TYPE.i32], results: [], code: [] });
  guest.builder.exported('mr_pass', 'function', index);
  const bytes = new TextEncoder().encode(JSON.stringify(section));
  return guest.builder.custom('millrace', bytes).build();
}

function badUploads(good: Uint8Array): readonly BadRequest[] {
  const forbidden = new WasmBuilder();
  forbidden.importFunction('wasi_snapshot_preview1', 'path_open', [], []);
  const functions = [{ name: 'pass', kind: 'map', input: 'Numbers', output: 'Numbers' }];
  const section = { abi: 1, sdk: 'by hand', records: [NUMBERS], functions };
  return [
    upload('a truncated module', 'MODULE_MALFORMED', good.subarray(0, good.length >> 1)),
    upload('text', 'MODULE_MALFORMED', new TextEncoder().encode('<html>not a module</html>')),
    upload('a forbidden import', 'MODULE_REFUSED', forbidden.memory(1).build()),
    upload('a wrong signature', 'MODULE_SIGNATURE', guestSaying(section)),
    upload('no custom section', 'MODULE_SECTION_MISSING', new WasmBuilder().memory(1).build()),
    upload('another ABI version', 'MODULE_ABI_VERSION', guestSaying({ ...section, abi: 9 })),
    upload('5 MiB', 'MODULE_TOO_LARGE', new Uint8Array(5 * 2 ** 20)),
  ];
}

function badDocuments(): readonly BadRequest[] {
  const good = overGenerator(1);
  return [
    document('a cycle', 'PIPELINE_INVALID', good.replace('from: lines', 'from: counts')),
    document('an unknown function', 'PIPELINE_INVALID', good.replace('text.sum', 'text.total')),
    document(
      'a type mismatch',
      'PIPELINE_INVALID',
      good.replace('from: words, key', 'from: lines, key'),
    ),
    document('a missing file', 'SOURCE_UNAVAILABLE', overMissingFile()),
    document('no YAML', 'PIPELINE_UNREADABLE', '{ name: ['),
  ];
}

/** The server answers, and a job runs from its first record to its last. */
async function expectUnharmed(one: WordCountServer): Promise<void> {
  expect((await fetch(`${one.server.url}/healthz`)).status).toBe(200);
  const folder = temporaryDirectory();
  const id = await submit({ ...one, folder }, overFile(folder, ['to be or not', 'to be']));
  await reaches(one.server, id, 'finished');
  expect(exactCounts(folder)).toEqual({ to: 2, be: 2, or: 1, not: 1 });
}

test(
  'bad uploads and documents are refused with a code and a hint, and the server is unharmed',
  SLOW,
  async () => {
    const one = await startWordCountServer();
    for (const { what, code, path, init } of [
      ...badUploads(await wordCountModule()),
      ...badDocuments(),
    ]) {
      const error = await one.server.refusal(path, init);
      expect(error.code, what).toBe(code);
      expect(error.message, what).not.toBe('');
      expect(error.hint, what).not.toBe('');
      expect((await fetch(`${one.server.url}/healthz`)).status, what).toBe(200);
    }
    expect(await one.server.request('/v1/jobs')).toEqual({ jobs: [] });
    expect(await one.server.refusal('/v1/modules/bad')).toMatchObject({ code: 'MODULE_NOT_FOUND' });
    await expectUnharmed(one);
  },
);

/** Two good lines around two that are not. */
function malformedInput(folder: string, policy: string): string {
  writeFileSync(
    join(folder, 'in.jsonl'),
    '{"text":"to be"}\n{"text":7}\nnot JSON\n{"text":"to"}\n',
  );
  return overFile(folder, []).replace(
    'path: in.txt, format: lines',
    `path: in.jsonl, format: json, onError: ${policy}`,
  );
}

/** How often the source met a line that is no record. */
async function malformedCounts(server: TestServer, id: string): Promise<readonly number[]> {
  const { operators } = await server.request<JobMetrics>(`/v1/jobs/${id}/metrics`);
  const source = operators.find((operator) => operator.id === 'lines');
  return [source?.skipped ?? -1, source?.deadLetters ?? -1];
}

test(
  'malformed lines are counted, and skipped or put aside, as the source says',
  SLOW,
  async () => {
    const one = await startWordCountServer();
    for (const [policy, counts] of [
      ['skip', [2, 0]],
      ['deadLetter', [0, 2]],
    ] as const) {
      const folder = temporaryDirectory();
      const id = await submit({ ...one, folder }, malformedInput(folder, policy));
      await reaches(one.server, id, 'finished');
      expect(exactCounts(folder)).toEqual({ to: 2, be: 1 });
      expect(await malformedCounts(one.server, id), policy).toEqual(counts);
      const { deadLetters } = await one.server.request<{ deadLetters: readonly object[] }>(
        `/v1/jobs/${id}/dead-letters`,
      );
      expect(deadLetters).toHaveLength(counts[1]);
      for (const letter of deadLetters) {
        expect(letter).toMatchObject({ step: 'lines', code: 'RECORD_MALFORMED' });
      }
    }
  },
);

test(
  'a malformed line fails the job when the source says nothing, and nothing else',
  SLOW,
  async () => {
    const one = await startWordCountServer();
    const id = await submit(one, malformedInput(one.folder, 'fail'));
    const job = await reaches(one.server, id, 'failed');
    expect(job.error).toMatchObject({ hint: expect.stringMatching(/\S/) });
    const { exceptions } = await one.server.request<{ exceptions: readonly ErrorReport[] }>(
      `/v1/jobs/${id}/exceptions`,
    );
    expect(JSON.stringify([job.error, exceptions])).toContain('RECORD_MALFORMED');
    await expectUnharmed(one);
  },
);

test(
  'an output that cannot be written fails the job with what to do, and nothing else',
  SLOW,
  async () => {
    const one = await startWordCountServer();
    writeFileSync(join(one.folder, 'out'), 'a file where the directory should be');
    const id = await submit(one, overFile(one.folder, ['a']));
    const job = await reaches(one.server, id, 'failed');
    expect(job).toMatchObject({
      attempt: 1,
      error: { code: 'SINK_UNAVAILABLE', hint: expect.stringMatching(/\S/) },
    });
    await expectUnharmed(one);
  },
);

test('a port that is taken is told by the second server, and the first goes on', SLOW, async () => {
  const one = await startWordCountServer();
  const port = Number(new URL(one.server.url).port);
  const data = temporaryDirectory();
  const second = serve({ port, host: '127.0.0.1', data, tokenFile: undefined });
  await expect(second).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    hint: expect.stringContaining('--port'),
  });
  expect(existsSync(join(data, 'lock'))).toBe(false);
  await expectUnharmed(one);
});

test.skipIf(NO_SMALL_DISK !== undefined)(
  `a job goes on when the disk is full, says so, and recovers${NO_SMALL_DISK === undefined ? '' : ` (${NO_SMALL_DISK})`}`,
  SLOW,
  async () => {
    const disk = createSmallDisk(4_096);
    const server = await startTestServer(join(disk.path, 'data'));
    await server.request('/v1/modules/text', wasm(await wordCountModule(), 'POST'));
    const one = { server, folder: temporaryDirectory(), data: disk.path };
    const id = await submit(one, overGenerator(1_000));
    const checkpoints = async (state: CheckpointRecord['state']) => {
      const path = `/v1/jobs/${id}/checkpoints`;
      const all = await server.request<{ checkpoints: readonly CheckpointRecord[] }>(path);
      return all.checkpoints.filter((one) => one.state === state);
    };
    const records = async () => {
      const { operators } = await server.request<JobMetrics>(`/v1/jobs/${id}/metrics`);
      return operators.find((operator) => operator.id === 'counts')?.recordsIn ?? 0;
    };
    await until('a checkpoint', async () => (await checkpoints('completed')).length > 0);

    disk.fill();
    const [failed] = await until('a failed checkpoint', async () => {
      const found = await checkpoints('failed');
      return found.length > 0 && found;
    });
    expect(failed.reason).toMatch(/space|ENOSPC/);
    const refused = await server.refusal(`/v1/jobs/${id}/checkpoints`, { method: 'POST' });
    expect(refused).toMatchObject({
      status: 503,
      code: 'CHECKPOINT_FAILED',
      hint: expect.stringMatching(/\S/),
    });
    const before = await records();
    await until('more records', async () => (await records()) > before);
    expect(await server.request<Job>(`/v1/jobs/${id}`)).toMatchObject({
      state: 'running',
      attempt: 1,
    });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);

    disk.free();
    await until('a checkpoint after that', async () =>
      (await checkpoints('completed')).some((one) => one.checkpoint > failed.checkpoint),
    );
    await server.request(`/v1/jobs/${id}/stop`, { method: 'POST' });
    expect(await server.request<Job>(`/v1/jobs/${id}`)).toMatchObject({
      state: 'stopped',
      attempt: 1,
    });
    exactCounts(one.folder);
  },
);
