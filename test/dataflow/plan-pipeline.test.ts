import { describe, expect, test } from 'vitest';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../../host/limits.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { type Document, out, plan } from '../kit/plan-document.ts';
import { planText } from '../kit/plan-text.ts';
import { READING } from '../kit/planned-words.ts';
import { WORD } from '../kit/word-functions.ts';

const shape = (parts: Document, parallelism?: number) =>
  planText(plan(parts, parallelism).plan).split('\n');

describe('shapes', () => {
  test('word count is two chains with a keyed edge', () => {
    const steps = `
      words: { flatMap: text.words, from: lines }
      counts: { reduce: text.sum, from: words, key: word }`;
    expect(shape({ top: 'parallelism: 2', steps, sinks: out('counts') })).toEqual([
      '0  lines (file: Line { text: string }) → words (flatMap text.words) ×2',
      '   ⇒ 1 by key word',
      '1  counts (reduce text.sum) → out (file) ×2',
    ]);
  });

  test('a source into a sink is one chain', () => {
    expect(shape({ sinks: out('lines') })).toEqual([
      '0  lines (file: Line { text: string }) → out (file) ×1',
    ]);
  });

  test('another parallelism breaks a chain: rows are dealt in turn', () => {
    const steps = `
      up: { map: text.upper, from: lines, parallelism: 3 }
      long: { filter: text.long, from: up }`;
    expect(shape({ top: 'parallelism: 2', steps, sinks: out('long') })).toEqual([
      '0  lines (file: Line { text: string }) ×2',
      '   ⇒ 1 in turn',
      '1  up (map text.upper) ×3',
      '   ⇒ 2 in turn',
      '2  long (filter text.long) → out (file) ×2',
    ]);
    expect(plan({ top: 'parallelism: 2', steps, sinks: out('long') }).plan.parallelism).toBe(3);
  });

  test('several readers break a chain, task goes to task', () => {
    const steps = `
      up: { map: text.upper, from: lines }
      long: { filter: text.long, from: lines }`;
    const sinks = `
      a: { from: up, connector: file, path: a }
      b: { from: long, connector: file, path: b }`;
    expect(shape({ steps, sinks })).toEqual([
      '0  lines (file: Line { text: string }) ×1',
      '   ⇒ 1 task to task',
      '   ⇒ 2 task to task',
      '1  up (map text.upper) → a (file) ×1',
      '2  long (filter text.long) → b (file) ×1',
    ]);
  });

  test('a list in from is several edges into one chain, and so is a union', () => {
    const steps = `
      up: { map: text.upper, from: lines }
      all: { union: [up, lines] }
      words: { flatMap: text.words, from: [all, lines] }`;
    expect(shape({ steps, sinks: out('words') })).toEqual([
      '0  lines (file: Line { text: string }) ×1',
      '   ⇒ 1 task to task',
      '   ⇒ 2 task to task',
      '   ⇒ 3 task to task',
      '1  up (map text.upper) ×1',
      '   ⇒ 2 task to task',
      '2  all ×1',
      '   ⇒ 3 task to task',
      '3  words (flatMap text.words) → out (file) ×1',
    ]);
  });

  test('a keyBy goes with its upstream and deals what leaves it by key', () => {
    const steps = `
      words: { flatMap: text.words, from: lines }
      byWord: { keyBy: word, from: words }
      counts: { reduce: text.sum, from: byWord, parallelism: 3 }
      means: { aggregate: text.mean, from: byWord, key: [count, word] }`;
    const sinks = `${out('counts')}
      b: { from: means, connector: file, path: b }
      c: { from: byWord, connector: file, path: c }`;
    expect(shape({ top: 'parallelism: 2', steps, sinks })).toEqual([
      '0  lines (file: Line { text: string }) → words (flatMap text.words) → byWord ×2',
      '   ⇒ 1 by key word',
      '   ⇒ 2 by key count, word',
      '   ⇒ 3 by key word',
      '1  counts (reduce text.sum) → out (file) ×3',
      '2  means (aggregate text.mean) → b (file) ×2',
      '3  c (file) ×2',
    ]);
  });

  test('a union of keyBys with the same key has that key', () => {
    const steps = `
      words: { flatMap: text.words, from: lines }
      a: { keyBy: word, from: words }
      b: { keyBy: word, from: words }
      both: { union: [a, b] }
      counts: { reduce: text.sum, from: both }`;
    const shaped = shape({ top: 'parallelism: 2', steps, sinks: out('counts') });
    expect(shaped.at(-2)).toBe('   ⇒ 4 by key word');
  });

  test('a connector that takes one task has one, whatever the pipeline says', () => {
    const sources = 'lines: { connector: console, format: lines }';
    const steps = 'up: { map: text.upper, from: lines }';
    const sinks = 'out: { from: up, connector: console }';
    expect(shape({ top: 'parallelism: 4', sources, steps, sinks })).toEqual([
      '0  lines (console: Line { text: string }) ×1',
      '   ⇒ 1 in turn',
      '1  up (map text.upper) ×4',
      '   ⇒ 2 in turn',
      '2  out (console) ×1',
    ]);
  });

  test('reduce and aggregate with one task go with the only task above them', () => {
    const steps = `
      words: { flatMap: text.words, from: lines }
      byWord: { keyBy: word, from: words }
      counts: { reduce: text.sum, from: byWord }
      means: { aggregate: text.mean, from: counts, key: count }`;
    const sinks = out('means');
    expect(shape({ steps, sinks })).toEqual([
      '0  lines (file: Line { text: string }) → words (flatMap text.words) → byWord → counts (reduce text.sum) → means (aggregate text.mean) → out (file) ×1',
    ]);
    expect(
      shape({ steps: steps.replace('from: words }', 'from: words, parallelism: 2 }'), sinks }),
    ).toEqual([
      '0  lines (file: Line { text: string }) → words (flatMap text.words) ×1',
      '   ⇒ 1 in turn',
      '1  byWord ×2',
      '   ⇒ 2 by key word',
      '2  counts (reduce text.sum) → means (aggregate text.mean) → out (file) ×1',
    ]);
  });

  test('a keyed step of another kind starts a chain with one task too: its rows need hashes', () => {
    const steps = 'first: { dedupe: text, from: lines }';
    const { edges } = plan({ steps, sinks: out('first') }).plan;
    const text = { name: 'text', index: 0, kind: 'string', optional: false };
    const key = { fields: [text], slots: 1 };
    expect(edges).toEqual([{ from: 0, to: 1, partitioning: { kind: 'key', key } }]);
  });
});

describe('specs', () => {
  test('carry functions, records, policies and limits', () => {
    const policy = 'onError: { retry: 2, backoff: 10ms, then: skip }';
    const limits = 'limits: { fuelPerRecord: 500, memory: 1MiB, output: 2KiB, deadline: 2s }';
    const steps = `
      words: { flatMap: text.words, from: lines, ${policy}, ${limits} }
      counts: { reduce: text.sum, from: words, key: word, emit: end, uid: totals, onError: deadLetter }`;
    const { plan: planned, modules } = plan({ steps, sinks: out('counts') });
    const [, words, counts, sink] = planned.chains[0].operators;
    expect(words).toEqual({
      kind: 'guest',
      id: 'words',
      function: { module: 'text', name: 'words', kind: 'flatMap' },
      input: LINE_SCHEMA,
      output: WORD,
      // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
      onError: { retries: 2, backoffMs: 10, then: 'skip' },
      limits: { fuelPerRecord: 500, memoryPages: 16, outputBytes: 2048, deadlineMs: 2_000 },
    });
    expect(counts).toMatchObject({
      kind: 'keyed',
      id: 'totals',
      state: WORD,
      emit: 'end',
      // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
      onError: { retries: 0, backoffMs: 0, then: 'deadLetter' },
      limits: {
        fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
        memoryPages: MEMORY_PAGES_MAX,
        outputBytes: OUTPUT_BYTES_MAX,
      },
    });
    expect(sink).toEqual({
      kind: 'sink',
      id: 'out',
      connector: 'file',
      options: { path: 'out', format: 'json' },
      schema: WORD,
    });
    expect(modules).toEqual({
      words: { ref: 'text@1', digest: 'text-digest' },
      totals: { ref: 'text@1', digest: 'text-digest' },
    });
  });

  test('a source has the record of the steps that read it, through unions and keyBys', () => {
    const steps = `
      all: { union: [readings] }
      byRoom: { keyBy: [room, sensor], from: all }
      hot: { reduce: text.hottest, from: byRoom, parallelism: 2 }`;
    const time = 'eventTime: { field: at, outOfOrderness: 2s, idle: 10s }';
    const sources = `readings: { connector: file, path: in, format: json, onError: skip, ${time} }`;
    const planned = plan({ sources, steps, sinks: out('hot') }).plan;
    expect(planned.chains[0].operators[0]).toEqual({
      kind: 'source',
      id: 'readings',
      connector: 'file',
      options: { path: 'in', format: 'json' },
      schema: READING,
      onMalformed: 'skip',
      eventTime: { fieldIndex: 1, outOfOrdernessMs: 2_000, idleMs: 10_000 },
    });
    const [edge] = planned.edges;
    expect(edge.partitioning).toEqual({
      kind: 'key',
      key: {
        fields: [
          { name: 'room', index: 4, kind: 'i32', optional: true },
          { name: 'sensor', index: 0, kind: 'string', optional: false },
        ],
        slots: 5,
      },
    });
  });

  test('record: says what no step says', () => {
    const sources = 'words: { connector: file, path: in, format: json, record: text.Word }';
    const planned = plan({ sources, sinks: out('words') }).plan;
    expect(planned.chains[0].operators[0]).toMatchObject({ schema: WORD, options: { path: 'in' } });
  });

  test('checkpoints are as asked for, else every 10 s', () => {
    const options = (top: string) => plan({ top, sinks: out('lines') }).plan.checkpoint;
    const usual = { timeoutMs: 60_000, retained: 3, minPauseMs: 0, unaligned: false };
    expect(options('')).toEqual({ everyMs: 10_000, ...usual });
    expect(options('checkpoint: { every: 500ms, timeout: 5s, retain: 7 }')).toEqual({
      ...usual,
      everyMs: 500,
      timeoutMs: 5_000,
      retained: 7,
    });
    expect(options('checkpoint: { minPause: 2s, unaligned: true }')).toMatchObject({
      minPauseMs: 2_000,
      unaligned: true,
    });
    expect(options('checkpoint: { every: off }').everyMs).toBeUndefined();
  });

  test('the caller may set another parallelism, steps keep their own', () => {
    const steps = 'up: { map: text.upper, from: lines, parallelism: 1 }';
    const planned = plan({ top: 'parallelism: 2', steps, sinks: out('up') }, 4).plan;
    expect(planned.chains.map((chain) => chain.parallelism)).toEqual([4, 1]);
  });

  test('a plan survives JSON', () => {
    const steps = 'counts: { reduce: text.sum, from: words, key: word }';
    const sources = 'words: { connector: file, path: in, format: json }';
    const { plan: planned } = plan({ sources, steps, sinks: out('counts') });
    expect(JSON.parse(JSON.stringify(planned))).toEqual(
      JSON.parse(JSON.stringify(structuredClone(planned))),
    );
    expect(planned).toMatchObject({ name: 'words', keyGroups: 128, baseDirectory: '/data' });
  });
});
