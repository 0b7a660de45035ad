import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const COMMAND = join(ROOT, 'host/cli/millrace.js');
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');

/** The fenced blocks of a language, in order. */
function blocks(language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...readme.matchAll(pattern)].map((match) => match[1]);
}

describe('the first function of the README', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-readme-'));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('prints what the README says', async () => {
    const project = join(folder, 'word-count');
    await mkdir(join(project, 'data'), { recursive: true });
    await writeFile(join(project, 'word-count.ts'), blocks('ts')[0]);
    await writeFile(join(project, 'pipeline.yaml'), blocks('yaml')[0]);
    await writeFile(join(project, 'data/sample.txt'), 'to be or not to be\nthat is the question\n');
    const { stdout } = await promisify(execFile)(
      'node',
      [COMMAND, 'run', 'word-count/pipeline.yaml'],
      {
        cwd: folder,
      },
    );
    const [command, ...output] = blocks('console')[0].trimEnd().split('\n');
    expect(command).toBe('$ npx millrace run word-count/pipeline.yaml');
    expect(stdout.trimEnd().split('\n')).toEqual(output);
  });

  test('is what "millrace new udf" writes', async () => {
    const made = join(folder, 'made');
    await mkdir(made);
    await promisify(execFile)('node', [COMMAND, 'new', 'udf', 'word-count'], { cwd: made });
    expect(await readFile(join(made, 'word-count/word-count.ts'), 'utf8')).toBe(blocks('ts')[0]);
    expect(await readFile(join(made, 'word-count/pipeline.yaml'), 'utf8')).toBe(blocks('yaml')[0]);
  });

  test('and the example application word count has the same functions', async () => {
    expect(await readFile(join(ROOT, 'udfs/word-count/word-count.ts'), 'utf8')).toBe(
      blocks('ts')[0],
    );
  });
});

test('the example of every step is a document that the reader accepts', async () => {
  const { readPipeline } = await import('../host/dataflow/pipeline.ts');
  expect(readPipeline(blocks('yaml')[1]).name).toBe('clicks');
});

test('the example as a library counts words', async () => {
  const { runPipeline } = await import('../host/index.ts');
  const written = blocks('ts')[1];
  const document = /runPipeline\((\{[\s\S]*\})\);/.exec(written);
  expect(document).not.toBeNull();
  const { records } = await runPipeline(Function(`return ${document?.[1]}`)(), {
    baseDirectory: join(ROOT, 'udfs/word-count'),
  });
  const text = await readFile(join(ROOT, 'udfs/word-count/data/hamlet.txt'), 'utf8');
  const occurrences = text.split(/\s+/).filter((word) => word === 'to').length;
  expect(records.out).toContainEqual({ word: 'to', count: BigInt(occurrences) });
  expect(records.out).toHaveLength(new Set(text.trim().split(/\s+/)).size);
});
