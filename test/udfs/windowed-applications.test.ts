import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { readPipeline } from '../../host/dataflow/pipeline.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const UDFS = join(import.meta.dirname, '../../udfs');

const APPLICATIONS = [
  'windowed-word-count',
  'temperature-sensor',
  'click-stream',
  'network-log',
  'iot-devices',
  'log-anomaly',
  'stock-market',
] as const;

/** The JSON lines of a folder's files, sorted. */
function linesIn(folder: string, names: RegExp): string[] {
  return readdirSync(folder)
    .filter((name) => names.test(name))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
    .sort();
}

describe.each(APPLICATIONS)('%s', (name) => {
  const folder = join(UDFS, name);
  const document = readPipeline(readFileSync(join(folder, 'pipeline.yaml'), 'utf8'));
  let modules: { [alias: string]: Uint8Array };
  beforeAll(async () => {
    const [[alias, path]] = Object.entries(document.modules ?? {});
    modules = { [alias]: (await compileAssemblyScript({ path: join(folder, path) })).wasm };
  });

  test.each([1, 3])('yields what is expected at parallelism %i', async (parallelism) => {
    const out = join(temporaryDirectory(), 'out');
    const sink = { from: document.sinks.out.from, connector: 'file', path: out, format: 'json' };
    const pipeline = { ...document, sinks: { out: sink } };
    await runPipeline(pipeline, { modules, parallelism, baseDirectory: folder });
    expect(linesIn(out, /^part-/)).toEqual(linesIn(join(folder, 'expected'), /\.jsonl$/));
  });
});
