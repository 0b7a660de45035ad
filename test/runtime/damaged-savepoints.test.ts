import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import { MillraceError } from '../../host/errors.ts';
import { restoreSavepoint } from '../../host/runtime/restore-savepoint.ts';
import { readSavepoint, verifySavepoint } from '../../host/runtime/savepoint-file.ts';
import { createMemoryBlobStore } from '../../host/storage/memory-blob-store.ts';
import { createJobBench } from '../kit/job-bench.ts';
import { newSavepoint } from '../kit/savepoint-bench.ts';
import { untilRead } from '../kit/wait-for.ts';
import { wordPipeline } from '../kit/word-pipeline.ts';

const MUTATIONS = 3_000;
type Files = ReadonlyMap<string, Uint8Array>;

/** Numbers of a seed, each below `below`. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const at = random(bytes.length);
  const length = 1 + random(Math.min(64, bytes.length - at));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + length)];
  const cut = bytes.subarray(at, at + length);
  const changed = bytes.slice();
  switch (random(7)) {
    case 0:
      changed[at] ^= 1 << random(8);
      return changed;
    case 1:
      changed[at] = random(256);
      return changed;
    case 2:
      return bytes.slice(0, at);
    case 3:
      return Buffer.concat([before, after]);
    case 4:
      return Buffer.concat([before, cut, cut, after]);
    case 5:
      return changed.fill(0, at, at + length);
    default:
      return Buffer.concat([bytes, cut]);
  }
}

function filesIn(directory: string): Files {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(directory, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(directory, name))]));
}

async function savepoint() {
  const bench = createJobBench({
    pipeline: wordPipeline({ lines: 600, rate: 400 }),
    parallelism: 2,
  });
  const job = await bench.start();
  await untilRead(job, 'lines', 50);
  const request = newSavepoint();
  await job.stop(request);
  return { files: filesIn(request.directory), spec: bench.spec };
}

type Spec = Awaited<ReturnType<typeof savepoint>>['spec'];

/** Everything that a job would begin with, as text. */
async function restored(files: Files, spec: Spec): Promise<string> {
  const [from, to] = [createMemoryBlobStore(), createMemoryBlobStore()];
  for (const [name, bytes] of files) await from.put(name, bytes);
  const savepoint = await readSavepoint(from, 'here');
  await verifySavepoint(from, savepoint);
  const connectors = builtinConnectors;
  const options = { ...spec, job: spec.id, connectors, allowDroppedState: false };
  await restoreSavepoint({ ...options, savepoint, from, to });
  const blobs = await Promise.all(
    (await to.list('')).map(async (name) => [
      name,
      Buffer.from(await to.get(name)).toString('hex'),
    ]),
  );
  return JSON.stringify(blobs);
}

function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'none',
    (thrown) => (thrown instanceof MillraceError ? thrown.code : `${thrown}`),
  );
}

describe('a damaged savepoint', () => {
  test(`is noticed in each of ${MUTATIONS} mutations, or means the same`, async () => {
    const { files, spec } = await savepoint();
    const whole = await restored(files, spec);
    const names = [...files.keys()];
    const random = numbers(7);
    let harmless = 0;
    for (let i = 0; i < MUTATIONS; i += 1) {
      const name = names[i % names.length];
      const bytes = files.get(name) as Uint8Array;
      const mutated = mutate(bytes, random);
      const attempt = restored(new Map([...files, [name, mutated]]), spec);
      const code = await codeOf(attempt);
      if (code === 'none') {
        harmless += 1;
        expect(await attempt).toBe(whole);
      } else expect(code, `mutation ${i} of ${name}`).toBe('CHECKPOINT_CORRUPT');
    }
    expect(harmless).toBeLessThan(MUTATIONS / 20);
  });

  test('is noticed when a file of it is missing', async () => {
    const { files, spec } = await savepoint();
    for (const name of files.keys()) {
      const rest = new Map([...files].filter(([other]) => other !== name));
      const code = name === 'savepoint.json' ? 'SAVEPOINT_NOT_FOUND' : 'CHECKPOINT_CORRUPT';
      expect(await codeOf(restored(rest, spec)), name).toBe(code);
    }
  });

  test.each([
    ['a blob outside of it', (text: string) => text.replace('"state/', '"../state/')],
    [
      'a piece behind the end of its blob',
      (text: string) => text.replace('"offset":0', '"offset":99999999'),
    ],
    ['a negative size', (text: string) => text.replace(/"bytes":\d+/, '"bytes":-1')],
    ['no operators', (text: string) => text.replace('"operators":[', '"operatorz":[')],
    ['another format', (text: string) => text.replace('"format":1', '"format":2')],
    [
      'types nested without end',
      (text: string) =>
        text.replace(
          '"type":{"kind":"i64"}',
          `"type":${'{"kind":"list","of":'.repeat(5000)}{"kind":"i64"}${'}'.repeat(5000)}`,
        ),
    ],
  ])('is noticed when it was made to name %s', async (_what, forge) => {
    const { files, spec } = await savepoint();
    const before = Buffer.from(files.get('savepoint.json') as Uint8Array)
      .toString()
      .split('\n')[1];
    const body = forge(before);
    expect(body).not.toBe(before);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const file = Buffer.from(`${JSON.stringify({ savepoint: 1, sha256 })}\n${body}\n`);
    expect(await codeOf(restored(new Map([...files, ['savepoint.json', file]]), spec))).toBe(
      'CHECKPOINT_CORRUPT',
    );
  });
});
