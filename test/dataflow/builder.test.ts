import { expect, test } from 'vitest';
import { file, pipeline } from '../../host/dataflow/builder.ts';
import { readPipeline } from '../../host/dataflow/pipeline.ts';

test('the builder yields exactly the document', () => {
  const built = pipeline({
    name: 'word-count',
    parallelism: 2,
    checkpoint: { every: '1s' },
    modules: { text: './word-count.ts' },
    sources: { lines: file({ path: 'data/*.txt', format: 'lines' }) },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      all: { union: ['words'] },
      counts: { reduce: 'text.sum', from: ['all'], key: 'word', emit: 'end' },
    },
    sinks: { out: { from: 'counts', ...file({ path: 'out', format: 'json' }) } },
  });
  expect(built).toEqual(
    readPipeline(`
name: word-count
parallelism: 2
checkpoint: { every: 1s }
modules: { text: ./word-count.ts }
sources:
  lines: { connector: file, path: data/*.txt, format: lines }
steps:
  words: { flatMap: text.words, from: lines }
  all: { union: [words] }
  counts: { reduce: text.sum, from: [all], key: word, emit: end }
sinks:
  out: { from: counts, connector: file, path: out, format: json }
`),
  );
});

test('a name that nothing has does not compile', () => {
  const build = () =>
    pipeline({
      name: 'copy',
      sources: { lines: file({ path: 'in', format: 'lines' }) },
      // @ts-expect-error `linse` is neither a source nor a step.
      steps: { up: { map: 'text.upper', from: 'linse' } },
      sinks: { out: { from: 'up', ...file({ path: 'out', format: 'lines' }) } },
    });
  // What names refer to is the planner's to check at run time.
  expect(build().steps?.up).toEqual({ map: 'text.upper', from: 'linse' });
});

test('what the compiler cannot see is checked as in a document', () => {
  expect(() =>
    pipeline({
      name: 'not a name',
      sources: { lines: file({ path: 'in', format: 'lines' }) },
      sinks: { out: { from: 'lines', ...file({ path: 'out', format: 'lines' }) } },
    }),
  ).toThrow(expect.objectContaining({ code: 'PIPELINE_INVALID' }));
});
