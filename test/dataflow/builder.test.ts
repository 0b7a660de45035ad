import { expect, test } from 'vitest';
import { module } from '../../host/dataflow/builder/module-types.ts';
import { file, pipeline } from '../../host/dataflow/builder/pipeline-builder.ts';
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

type WordCount = {
  readonly records: { readonly Line: Line; readonly Word: Word };
  readonly functions: {
    readonly words: { readonly kind: 'flatMap'; readonly input: Line; readonly output: Word };
    readonly sum: { readonly kind: 'reduce'; readonly input: Word; readonly output: Word };
  };
};
interface Line {
  readonly text: string;
}
interface Word {
  readonly word: string;
  readonly count: bigint;
}

test('a module with types has its functions, keys and records checked', () => {
  const parts = {
    name: 'typed',
    modules: { text: module<WordCount>('word-count@1') },
    sources: {
      lines: file({ path: 'in', format: 'lines' }),
      typed: { ...file({ path: 'in', format: 'json' }), record: 'text.Line' },
    },
  } as const;
  const out = (from: 'counts') => ({ out: { from, ...file({ path: 'out', format: 'json' }) } });
  const good = pipeline({
    ...parts,
    steps: {
      words: { flatMap: 'text.words', from: ['lines', 'typed'] },
      some: { limit: 5, from: 'words' },
      late: { dedupe: 'word', from: 'some' },
      counts: { reduce: 'text.sum', from: ['late', 'words:late'], key: ['word'] },
    },
    sinks: out('counts'),
  });
  expect(good.modules).toEqual({ text: 'word-count@1' });
  const wrong = [
    () =>
      pipeline({
        ...parts,
        // @ts-expect-error there is no function `word`.
        steps: { counts: { flatMap: 'text.word', from: 'lines' } },
        sinks: out('counts'),
      }),
    () =>
      pipeline({
        ...parts,
        // @ts-expect-error `words` is a flatMap.
        steps: { counts: { map: 'text.words', from: 'lines' } },
        sinks: out('counts'),
      }),
    () =>
      pipeline({
        ...parts,
        steps: {
          words: { flatMap: 'text.words', from: 'lines' },
          // @ts-expect-error a word has no field `text`.
          counts: { reduce: 'text.sum', from: 'words', key: 'text' },
        },
        sinks: out('counts'),
      }),
    () =>
      pipeline({
        ...parts,
        // @ts-expect-error `sum` takes words, not lines.
        steps: { counts: { reduce: 'text.sum', from: 'typed', key: 'word' } },
        sinks: out('counts'),
      }),
    () =>
      pipeline({
        ...parts,
        steps: {
          words: { flatMap: 'text.words', from: 'lines' },
          few: { limit: 3, from: 'words' },
          // @ts-expect-error `words` takes lines, not words, also through a step that passes them on.
          counts: { flatMap: 'text.words', from: 'few' },
        },
        sinks: out('counts'),
      }),
  ];
  // The document itself is well-formed: what it refers to is the planner's to check.
  for (const build of wrong) expect(build().name).toBe('typed');
});
