import { describe, expect, test } from 'vitest';
import { pipelineJsonSchema } from '../../host/dataflow/document/json-schema.ts';
import { STEP_KIND_NAMES } from '../../host/dataflow/document/step-kinds.ts';
import { checkPipeline, readPipeline } from '../../host/dataflow/pipeline.ts';
import type { MillraceError } from '../../host/errors.ts';
import {
  DURATION_MS_MAX,
  OPERATORS_MAX,
  PIPELINE_BYTES_MAX,
  PIPELINE_DEPTH_MAX,
} from '../../host/limits.ts';

const WORD_COUNT = `
name: word-count
parallelism: 2
checkpoint: { every: 1s }
modules:
  text: word-count@1                 # a comment
sources:
  lines: { connector: file, path: data/*.txt, format: lines }
steps:
  words:  { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks:
  out: { from: counts, connector: file, path: out, format: json }
`;

const WORD_COUNT_VALUE = {
  name: 'word-count',
  parallelism: 2,
  checkpoint: { every: '1s' },
  modules: { text: 'word-count@1' },
  sources: { lines: { connector: 'file', path: 'data/*.txt', format: 'lines' } },
  steps: {
    words: { flatMap: 'text.words', from: 'lines' },
    counts: { reduce: 'text.sum', from: 'words', key: 'word' },
  },
  sinks: { out: { from: 'counts', connector: 'file', path: 'out', format: 'json' } },
};

/** A document with these sections instead of a small valid one's. */
function withParts(part: object): object {
  return {
    name: 'copy',
    sources: { in: { connector: 'stdin' } },
    sinks: { out: { from: 'in', connector: 'stdout' } },
    ...part,
  };
}

function thrown(run: () => unknown): MillraceError {
  try {
    run();
  } catch (error) {
    return error as MillraceError;
  }
  throw new Error('nothing was thrown');
}

const KINDS = STEP_KIND_NAMES.map((kind) => `"${kind}"`).join(', ');

describe('a document', () => {
  test('reads the same as YAML and as JSON, in the form it was written', () => {
    expect(readPipeline(WORD_COUNT)).toEqual(WORD_COUNT_VALUE);
    expect(readPipeline(JSON.stringify(WORD_COUNT_VALUE))).toEqual(WORD_COUNT_VALUE);
    expect(checkPipeline(readPipeline(WORD_COUNT))).toEqual(WORD_COUNT_VALUE);
  });

  test('may repeat itself by aliases', () => {
    const text = `
name: copy
sources: { a: &lines { connector: stdin, format: lines }, b: *lines }
sinks: { out: { from: [a, b], connector: stdout } }`;
    expect(readPipeline(text).sources.b).toEqual({ connector: 'stdin', format: 'lines' });
  });

  test('takes every kind of step and every option', () => {
    const steps = {
      a: { map: 'm.f', from: ['in'], parallelism: 3, uid: 'old', onError: 'deadLetter' },
      // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
      b: { filter: 'm.f', from: 'a', onError: { retry: 3, backoff: '0ms', then: 'skip' } },
      c: { flatMap: 'm.f', from: 'b', limits: { fuelPerRecord: 1, memory: '1MiB', output: '1B' } },
      d: { reduce: 'm.f', from: 'c', key: ['x', 'y'], emit: 'batch' },
      e: { aggregate: 'm.f', from: 'd', key: 'x', emit: 'end' },
      f: { keyBy: 'x', from: 'e' },
      g: { union: ['f', 'e'] },
    };
    const document = withParts({ steps, keyGroups: 64, checkpoint: { every: 'off', retain: 1 } });
    expect(checkPipeline(document)).toEqual(document);
  });
});

describe('unreadable', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'an open bracket',
      'name: [a',
      [
        'line 1, column 9: flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
    ],
    [
      'a tab',
      'name: a\nsources:\n\tin: {}',
      ['line 3, column 1: tabs are not allowed as indentation'],
    ],
    ['a key that stands twice', 'name: a\nname: b', ['line 2, column 1: key "name" stands twice']],
    [
      'a key that is no text',
      '{ 1: a, [x]: b }',
      ['line 1, column 3: a key must be a text', 'line 1, column 9: a key must be a text'],
    ],
    ['an unknown tag', 'name: !secret a', ['line 1, column 7: unresolved tag: !secret']],
    [
      'several documents',
      'name: a\n---\nname: b',
      ['line 2, column 1: source contains multiple documents; please use YAML.parseAllDocuments()'],
    ],
    [
      'an alias of nothing',
      'name: *a',
      ['unresolved alias (the anchor must be set before the alias): a'],
    ],
    ['an alias inside itself', 'name: &a [*a]', ['an alias stands inside what it repeats']],
  ];

  test.each(cases)('%s', (_, text, details) => {
    const error = thrown(() => readPipeline(text));
    expect(error).toMatchObject({ code: 'PIPELINE_UNREADABLE', details });
    expect(error.message).toBe(`the pipeline cannot be read: ${details[0]}`);
  });

  test('a document over the limit of bytes, counted as UTF-8', () => {
    const fits = `# ${'é'.repeat(PIPELINE_BYTES_MAX / 2 - 1)}`;
    expect(thrown(() => readPipeline(fits)).code).toBe('PIPELINE_INVALID');
    expect(thrown(() => readPipeline(`${fits}é`))).toMatchObject({
      code: 'PIPELINE_UNREADABLE',
      details: [`the document has ${PIPELINE_BYTES_MAX + 2} bytes, limit ${PIPELINE_BYTES_MAX}`],
    });
  });

  test('an alias bomb', () => {
    const level = (name: string, inner: string) =>
      `${name}: &${name} [${Array.from({ length: 9 }, () => inner)}]`;
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    const bomb = names.map((name, i) => level(name, i === 0 ? 'x' : `*${names[i - 1]}`));
    expect(thrown(() => readPipeline(bomb.join('\n')))).toMatchObject({
      code: 'PIPELINE_UNREADABLE',
      details: ['excessive alias count indicates a resource exhaustion attack'],
    });
  });

  test('brackets without end', () => {
    expect(thrown(() => readPipeline('['.repeat(20_000))).code).toBe('PIPELINE_UNREADABLE');
  });

  test('a map of very many keys takes no quadratic time', () => {
    const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}: 1`).join('\n');
    const timed = (text: string) => {
      const start = performance.now();
      expect(thrown(() => readPipeline(text)).code).toBe('PIPELINE_INVALID');
      return performance.now() - start;
    };
    timed(keys(1_000));
    // Ten times the keys: a hundred times the time if it were quadratic.
    expect(timed(keys(40_000)) / timed(keys(4_000))).toBeLessThan(50);
  });
});

describe('findings', () => {
  const cases: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['nothing', null, ['document: expected an object, found nothing']],
    ['a list', [1], ['document: expected an object, found a list']],
    ['an empty object', {}, ['name: is missing', 'sources: is missing', 'sinks: is missing']],
    [
      'empty sections',
      withParts({ sources: {}, sinks: {} }),
      ['sources: has no entry', 'sinks: has no entry'],
    ],
    [
      'names that are none',
      withParts({ name: '9 lives', steps: { 'a b': { union: ['in'] } } }),
      [
        'name: a name starts with a letter, goes on with letters, digits, "_" or "-", and has at most 64 characters',
        'steps."a b": a name starts with a letter, goes on with letters, digits, "_" or "-", and has at most 64 characters',
      ],
    ],
    [
      'unknown keys at every level, with the ones that were meant',
      withParts({
        paralelism: 2,
        checkpoint: { evry: '1s' },
        steps: {
          a: {
            map: 'm.f',
            from: 'in',
            onEror: 'skip',
            limits: { memry: '1MiB' },
            onError: { retry: 1, than: 'skip' },
          },
          b: { window: { tumbling: '10s' }, map: 'm.f', from: 'a' },
        },
      }),
      [
        'checkpoint.evry: unknown key, did you mean "every"?',
        'steps.a.onError.then: is missing',
        'steps.a.onError.than: unknown key, did you mean "then"?',
        'steps.a.limits.memry: unknown key, did you mean "memory"?',
        'steps.a.onEror: unknown key, did you mean "onError"?',
        'steps.b.window: unknown key',
        'paralelism: unknown key, did you mean "parallelism"?',
      ],
    ],
    [
      'steps of no kind, of two, and no steps at all',
      withParts({
        steps: {
          a: { flatmap: 'm.f', from: 'in' },
          b: { map: 'm.f', filter: 'm.f', from: 'in' },
          c: 'map',
          d: { iterate: 'm.f' },
        },
      }),
      [
        `steps.a: the step has no kind: one of ${KINDS}, did you mean "flatMap"?`,
        'steps.b: a step is of one kind, this one is "map" and "filter"',
        'steps.c: expected an object, found "map"',
        `steps.d: the step has no kind: one of ${KINDS}`,
      ],
    ],
    [
      'options of the wrong type or out of bounds',
      withParts({
        parallelism: 0,
        keyGroups: 40_000,
        steps: {
          a: {
            reduce: 'sum',
            from: [],
            key: 7,
            emit: 'always',
            parallelism: '2',
            limits: { fuelPerRecord: 1.5, memory: '65MiB', output: '1MB' },
            onError: 'ignore',
          },
          // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
          b: { map: 'm.f', from: 3, onError: { retry: 0, then: 'stop' } },
          c: { union: 'a' },
        },
      }),
      [
        'parallelism: expected a whole number from 1 to 128',
        'keyGroups: expected a whole number from 1 to 32768',
        'steps.a.reduce: expected "module.function"',
        'steps.a.from: the list names nothing',
        'steps.a.key: expected the name of a field, or a list of names',
        'steps.a.emit: expected "record", "batch" or "end"',
        'steps.a.parallelism: expected a whole number from 1 to 128',
        'steps.a.onError: expected "fail", "skip", "deadLetter" or { retry, then }',
        'steps.a.limits.fuelPerRecord: expected a whole number from 1 to 2147483647',
        'steps.a.limits.memory: at most 64MiB',
        'steps.a.limits.output: expected a size such as "512B", "64KiB" or "16MiB"',
        'steps.b.from: expected the name of a source or step, or a list of names',
        'steps.b.onError.retry: expected a whole number from 1 to 100',
        'steps.b.onError.then: expected "fail", "skip" or "deadLetter"',
        'steps.c.union: expected a list of names of sources or steps',
      ],
    ],
    [
      'durations that are none',
      withParts({ checkpoint: { every: '0s', timeout: '-1s', retain: 0 } }),
      [
        'checkpoint.every: expected a duration such as "500ms", "10s", "5m", "1h" or "1d"',
        'checkpoint.timeout: expected a duration such as "500ms", "10s", "5m", "1h" or "1d"',
        'checkpoint.retain: expected a whole number from 1 to 1000',
      ],
    ],
    [
      'a duration that no timer can wait',
      withParts({ checkpoint: { timeout: `${DURATION_MS_MAX + 1}ms` } }),
      ['checkpoint.timeout: a duration is at most 2147483647 ms, about 24 days'],
    ],
    [
      'a source with a policy that cannot be, and an event time without a field',
      withParts({
        sources: { in: { connector: 'stdin', onError: { retry: 1 }, eventTime: { idle: '1s' } } },
      }),
      [
        'sources.in.eventTime: event time comes from a "field" or a function, "assign": found neither',
        'sources.in.onError: expected "fail", "skip" or "deadLetter"',
      ],
    ],
    [
      'an option that JSON does not have',
      withParts({ sources: { in: { connector: 'stdin', rate: Number.POSITIVE_INFINITY } } }),
      ['sources.in.rate: expected a value of JSON'],
    ],
    [
      'a key that JavaScript gives a meaning',
      JSON.parse('{"name": "copy", "sources": {"__proto__": {"connector": "stdin"}}}'),
      ['sources.__proto__: a key cannot be called "__proto__"'],
    ],
  ];

  test.each(cases)('%s', (_, document, details) => {
    const error = thrown(() => checkPipeline(document));
    expect(error).toMatchObject({ code: 'PIPELINE_INVALID', details });
    expect(error.message.endsWith(details[0])).toBe(true);
  });

  test('are all there at once, counted in the message', () => {
    const error = thrown(() => checkPipeline(withParts({ paralelism: 1, steps: [] })));
    expect(error.message).toBe(
      'pipeline "copy" has 2 findings: steps: expected an object, found a list',
    );
    expect(error.hint).toBe('each finding starts with its path in the document');
  });

  test('nesting beyond the limit ends the check, however deep it goes', () => {
    const nested = (depth: number) => {
      let value: unknown = 1;
      for (let i = 0; i < depth; i++) value = [value];
      return withParts({ sources: { in: { connector: 'stdin', deep: value } } });
    };
    expect(() => checkPipeline(nested(PIPELINE_DEPTH_MAX - 3))).not.toThrow();
    for (const depth of [PIPELINE_DEPTH_MAX - 2, 100_000]) {
      expect(thrown(() => checkPipeline(nested(depth))).details).toEqual([
        `sources.in.deep: nests deeper than ${PIPELINE_DEPTH_MAX}, the limit`,
      ]);
    }
  });

  test('a value that contains itself ends the check', () => {
    const circular: { [key: string]: unknown } = {};
    circular.self = [circular, circular];
    expect(thrown(() => checkPipeline(circular)).code).toBe('PIPELINE_INVALID');
  });

  test('sources, steps and sinks are bounded together', () => {
    const steps = Object.fromEntries(
      Array.from({ length: OPERATORS_MAX - 1 }, (_, i) => [`s${i}`, { union: ['in'] }]),
    );
    expect(thrown(() => checkPipeline(withParts({ steps }))).details).toEqual([
      `document: ${OPERATORS_MAX + 1} sources, steps and sinks, limit ${OPERATORS_MAX}`,
    ]);
    const { s0, ...fewer } = steps;
    expect(() => checkPipeline(withParts({ steps: fewer }))).not.toThrow();
  });
});

test('the JSON Schema is plain data that names every kind of step', () => {
  const schema = pipelineJsonSchema();
  expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  expect(schema).toMatchObject({
    title: 'Millrace pipeline',
    additionalProperties: false,
    required: ['name', 'sources', 'sinks'],
  });
  const text = JSON.stringify(schema);
  for (const kind of ['map', 'filter', 'flatMap', 'reduce', 'aggregate', 'keyBy', 'union']) {
    expect(text).toContain(`"required":["${kind}"`);
  }
});
