import { describe, expect, test } from 'vitest';
import { checkPipeline, readPipeline } from '../../host/dataflow/pipeline.ts';
import { planPipeline } from '../../host/dataflow/plan-pipeline.ts';
import { FINDINGS_SHOWN_MAX } from '../../host/limits.ts';
import { type Document, document, out, plan } from '../kit/plan-document.ts';
import { PAPER_CONNECTORS } from '../kit/planned-words.ts';

const LINES = 'lines: { connector: file, path: in, format: lines }';
const READINGS = 'readings: { connector: file, path: in, format: json }';

describe('findings', () => {
  const findings = (parts: Document): readonly string[] => {
    try {
      plan(parts);
    } catch (error) {
      expect(error).toMatchObject({ code: 'PIPELINE_INVALID' });
      return (error as { readonly details: readonly string[] }).details;
    }
    return [];
  };
  const cases: readonly (readonly [string, Document, readonly string[]])[] = [
    [
      'an unknown name in from, with the one that was meant',
      { steps: 'up: { map: text.upper, from: [linse, lines] }', sinks: out('up') },
      ['steps.up.from[0]: unknown name "linse", did you mean "lines"?'],
    ],
    [
      'a sink that reads a sink, and a name that stands twice',
      { sinks: `${out('[lines, lines]')}\nb: { from: out, connector: file, path: b }` },
      [
        'sinks.out.from[1]: "lines" stands twice',
        'sinks.b.from: "out" is a sink: nothing can be read from it',
      ],
    ],
    [
      'a side output that a step does not have',
      { steps: 'up: { map: text.upper, from: lines }', sinks: out('up:late') },
      ['sinks.out.from: "up" has no side output "late"; it has none'],
    ],
    [
      'fields that steps of the host work by, and what they are given',
      {
        sources: 'readings: { connector: file, path: in, format: json, record: text.Reading }',
        steps: `
          a: { split: value, sides: [x], from: readings }
          b: { topN: 3, by: tags, key: sensor, from: a:y }
          c: { topN: 3, by: vale, from: readings }
          d: { partition: sensor, from: readings }
          e: { distinct: true, from: readings }
          f: { limit: 3, from: [b, c, d, e] }`,
        sinks: out('f'),
      },
      [
        'steps.b.from: "a" has no side output "y", did you mean "x"?',
        'steps.a.split: field "value" of Reading { sensor: string, at: timestamp, value: f64, tags: list<string>, room: optional<i32> } is of type f64, not a string',
        'steps.c.by: no field "vale" in Reading { sensor: string, at: timestamp, value: f64, tags: list<string>, room: optional<i32> }, did you mean "value"?',
        'steps.d.partition: field "sensor" of Reading { sensor: string, at: timestamp, value: f64, tags: list<string>, room: optional<i32> } is of type string, not a whole number',
        'steps.c.key: is missing: a topN needs a key, its own or that of a keyBy step right before it',
        'steps.e.distinct: field "value" of type f64 cannot be a key: floats, lists and records have no equality of bytes',
        'steps.e.distinct: field "tags" of type list<string> cannot be a key: floats, lists and records have no equality of bytes',
      ],
    ],
    [
      'a sort without event time, by what has no order',
      {
        sources: 'readings: { connector: file, path: in, format: json, record: text.Reading }',
        steps: 's: { sort: [tags], window: { tumbling: 10s, offset: 10s }, from: readings }',
        sinks: out('s'),
      },
      [
        'steps.s.sort[0]: field "tags" of Reading { sensor: string, at: timestamp, value: f64, tags: list<string>, room: optional<i32> } is of type list<string>, not one that has an order',
        'steps.s.window.offset: an offset of 10000 ms is not less than the 10000 ms between windows',
        'steps.s.window: source "readings" gives its records no event time: give it eventTime: { field: … }, or use time: processing',
      ],
    ],
    [
      'an unknown module and an unknown function',
      {
        steps: `
          a: { map: txt.upper, from: lines }
          b: { map: text.uper, from: a }
          c: { flatMap: text.split, from: b }`,
        sinks: out('c'),
      },
      [
        'steps.a.map: unknown module "txt", did you mean "text"?',
        'steps.b.map: module "text" has no function "uper", did you mean "upper"?',
        'steps.c.flatMap: module "text" has no function "split"; it has upper, long, words, sum, mean, warm, hottest',
      ],
    ],
    [
      'a function of another kind',
      { steps: 'a: { map: text.words, from: lines }', sinks: out('a') },
      ['steps.a.map: text.words is a flatMap, not a map'],
    ],
    [
      'a cycle, and what is wrong inside it',
      {
        steps: `
          a: { map: text.upper, from: [lines, c] }
          b: { map: text.upper, from: a }
          c: { filter: text.lng, from: b }`,
        sinks: out('b'),
      },
      [
        'steps.a.from: a cycle: "a" → "b" → "c" → "a"',
        'steps.c.filter: module "text" has no function "lng", did you mean "long"?',
      ],
    ],
    [
      'two cycles',
      {
        steps: `
          a: { map: text.upper, from: a }
          b: { map: text.upper, from: c }
          c: { map: text.upper, from: b }`,
        sinks: `${out('lines')}\nb2: { from: [a, c], connector: file, path: b }`,
      },
      ['steps.a.from: a cycle: "a" → "a"', 'steps.b.from: a cycle: "b" → "c" → "b"'],
    ],
    [
      'a function that takes another record than its upstream yields',
      {
        steps: `
          words: { flatMap: text.words, from: lines }
          up: { map: text.upper, from: words }`,
        sinks: out('up'),
      },
      [
        'steps.up.from: "words" yields Word { word: string, count: i64 }, but text.upper takes Line { text: string }',
      ],
    ],
    [
      'a union of different records',
      {
        steps: `
          words: { flatMap: text.words, from: lines }
          all: { union: [words, lines] }`,
        sinks: out('[all, lines]'),
      },
      [
        'steps.all.union[1]: "lines" yields Line { text: string }, but "words" yields Word { word: string, count: i64 }',
        'sinks.out.from[1]: "lines" yields Line { text: string }, but "all" yields Word { word: string, count: i64 }',
      ],
    ],
    [
      'a source whose record nothing says',
      { sources: READINGS, sinks: out('readings') },
      ['sources.readings: nothing says what its records are: give it a record: module.Record'],
    ],
    [
      'a source whose readers take different records',
      {
        sources: READINGS,
        steps: `
          warm: { filter: text.warm, from: readings }
          up: { map: text.upper, from: readings }`,
        sinks: `${out('warm')}\nb: { from: up, connector: file, path: b }`,
      },
      [
        'sources.readings: step "warm" takes Reading { sensor: string, at: timestamp, value: f64, tags: list<string>, room: optional<i32> }, but step "up" takes Line { text: string }: give the source a record: module.Record',
      ],
    ],
    [
      'a record that does not exist, or that the source does not yield',
      {
        sources: `
          a: { connector: file, path: in, format: lines, record: text.Wort }
          b: { connector: file, path: in, format: lines, record: text.Word }`,
        sinks: out('[a, b]'),
      },
      [
        'sources.a.record: module "text" has no record "Wort", did you mean "Word"?',
        'sources.b.record: the source yields Line { text: string }, not Word { word: string, count: i64 }',
      ],
    ],
    [
      'keys that do not exist, cannot be one, or stand twice',
      {
        sources: READINGS,
        steps: `
          a: { reduce: text.hottest, from: readings, key: sensr }
          b: { reduce: text.hottest, from: a, key: [value, tags] }
          c: { reduce: text.hottest, from: b, key: [room, room] }`,
        sinks: out('c'),
      },
      [
        'steps.a.key: no field "sensr" in Reading { sensor: string, at: timestamp, value: f64, tags: list<string>, room: optional<i32> }, did you mean "sensor"?',
        'steps.b.key[0]: field "value" of type f64 cannot be a key: floats, lists and records have no equality of bytes',
        'steps.b.key[1]: field "tags" of type list<string> cannot be a key: floats, lists and records have no equality of bytes',
        'steps.c.key[1]: field "room" stands twice',
      ],
    ],
    [
      'a keyed step without a key, and not again behind a keyBy that is wrong',
      {
        steps: `
          words: { flatMap: text.words, from: lines }
          a: { reduce: text.sum, from: words }
          wrong: { keyBy: wrd, from: words }
          b: { reduce: text.sum, from: wrong }
          one: { keyBy: word, from: words }
          two: { keyBy: count, from: words }
          c: { aggregate: text.mean, from: [one, two] }`,
        sinks: `${out('[a, b]')}\nmeans: { from: c, connector: file, path: b }`,
      },
      [
        'steps.a.key: is missing: a reduce needs a key, its own or that of a keyBy step right before it',
        'steps.wrong.keyBy: no field "wrd" in Word { word: string, count: i64 }, did you mean "word"?',
        'steps.c.key: its inputs are keyed by different fields: give the step a key',
      ],
    ],
    [
      'a source and a step that nothing reads',
      {
        sources: `${LINES}\nmore: { connector: file, path: in, format: lines }`,
        steps: 'up: { map: text.upper, from: lines }',
        sinks: out('lines'),
      },
      [
        'sources.more: no step or sink reads its output',
        'steps.up: no step or sink reads its output',
      ],
    ],
    [
      'ids that are taken',
      {
        steps: `
          lines: { map: text.upper, from: lines }
          up: { map: text.upper, from: lines, uid: out }`,
        sinks: out('up'),
      },
      [
        'steps.lines: the id "lines" is taken by sources.lines',
        'sinks.out: the id "out" is taken by steps.up',
      ],
    ],
    [
      'connectors that do not exist, and what they say to their options',
      {
        sources: 'lines: { connector: fil, path: in }\nb: { connector: file, format: lines }',
        sinks: `out: { from: [lines, b], connector: kafka }`,
      },
      [
        'sources.lines.connector: no connector "fil" for a source, did you mean "file"?',
        'sources.b.path: is missing',
        'sinks.out.connector: no connector "kafka" for a sink; there is file, console',
      ],
    ],
    [
      'more tasks than key groups, or than a connector takes',
      {
        top: 'parallelism: 9\nkeyGroups: 8',
        sources: 'lines: { connector: console, format: lines, parallelism: 2 }',
        steps: 'up: { map: text.upper, from: lines, parallelism: 10 }',
        sinks: out('up'),
      },
      [
        'parallelism: 9 tasks, limit 8: the key groups of the pipeline',
        'sources.lines.parallelism: 2 tasks, but the connector takes at most 1',
        'steps.up.parallelism: 10 tasks, limit 8: the key groups of the pipeline',
      ],
    ],
    [
      'formats that cannot hold the record',
      {
        sources: `${READINGS}\n${LINES}`,
        steps: 'warm: { filter: text.warm, from: readings }',
        sinks: `
          a: { from: warm, connector: file, path: a, format: lines }
          b: { from: lines, connector: file, path: b, format: raw }`,
      },
      [
        'sinks.a.format: format "lines" needs a record with one field of type string, not Reading { sensor: string, at: timestamp, value: f64, tags: list<string>, room: optional<i32> }',
        'sinks.b.format: format "raw" needs a record with one field of type bytes, not Line { text: string }',
      ],
    ],
    [
      'an event time that is no field, or no time',
      {
        sources: `
          a: { connector: file, path: in, format: lines, eventTime: { field: tex } }
          b: { connector: file, path: in, format: lines, eventTime: { field: text } }`,
        sinks: out('[a, b]'),
      },
      [
        'sources.a.eventTime.field: no field "tex" in Line { text: string }, did you mean "text"?',
        'sources.b.eventTime.field: field "text" of Line { text: string } is neither a timestamp nor an i64',
      ],
    ],
  ];

  test.each(cases)('%s', (_, parts, expected) => {
    expect(findings(parts)).toEqual(expected);
  });

  test('a module that was not loaded', () => {
    const pipeline = readPipeline(document({ sinks: out('lines') }));
    const parts = { modules: new Map(), connectors: PAPER_CONNECTORS, baseDirectory: '/' };
    expect(() => planPipeline(pipeline, parts)).toThrow(
      expect.objectContaining({ details: ['modules.text: the module is not loaded'] }),
    );
  });

  test('hundreds of thousands of unknown names take no time of their own', () => {
    const sinks = Object.fromEntries(
      Array.from({ length: 900 }, (_, i) => {
        const from = Array.from({ length: 150 }, (_, j) => `unknown${i}x${j}`);
        return [`s${i}`, { from, connector: 'console' }];
      }),
    );
    const sources = { lines: { connector: 'console', format: 'lines' } };
    const pipeline = checkPipeline({ name: 'many', sources, sinks });
    const parts = { modules: new Map(), connectors: PAPER_CONNECTORS, baseDirectory: '/' };
    const start = performance.now();
    expect(() => planPipeline(pipeline, parts)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('pipeline "many" has 135001 findings'),
        details: expect.objectContaining({ length: FINDINGS_SHOWN_MAX + 1 }),
      }),
    );
    // Comparing each with each took half a minute.
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
