import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Pipeline, readPipeline } from '../../host/dataflow/pipeline.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';

const FOLDER = join(import.meta.dirname, '../../udfs/scenarios');
const SCENARIOS = readdirSync(join(FOLDER, 'expected')).map((file) => file.replace('.jsonl', ''));

/** A scenario with its output kept in memory. */
function scenario(name: string): Pipeline {
  const pipeline = readPipeline(readFileSync(join(FOLDER, `${name}.yaml`), 'utf8'));
  return { ...pipeline, sinks: { out: { from: pipeline.sinks.out.from, connector: 'memory' } } };
}

test('there are five', () => {
  expect(SCENARIOS).toHaveLength(5);
});

describe.each(SCENARIOS)('%s', (name) => {
  test.each([1, 2, 4])('yields what it must, at parallelism %i', async (parallelism) => {
    const { records } = await runPipeline(scenario(name), { baseDirectory: FOLDER, parallelism });
    const lines = records.out.map((record) =>
      JSON.stringify(record, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
    );
    const expected = readFileSync(join(FOLDER, 'expected', `${name}.jsonl`), 'utf8');
    expect(lines.sort()).toEqual(expected.trimEnd().split('\n').sort());
  });
});
