import { describe, expect, test } from 'vitest';
import { type Document, out, plan } from '../kit/plan-document.ts';

const LINES =
  'lines: { connector: file, path: in, format: json, record: text.Reading, eventTime: { field: at } }';

function findings(parts: Document): readonly string[] {
  try {
    plan(parts);
  } catch (error) {
    expect(error).toMatchObject({ code: 'PIPELINE_INVALID' });
    return (error as { readonly details: readonly string[] }).details;
  }
  return [];
}

/** A windowed step over words. */
const step = (window: string, more = '') => ({
  sources: 'lines: { connector: file, path: in, format: lines, eventTime: { field: text } }',
  steps: `words: { flatMap: text.words, from: lines }
    counts: { reduce: text.sum, from: words, key: word, window: ${window}${more} }`,
  sinks: out('counts'),
});
const TIME =
  'sources.lines.eventTime.field: field "text" of Line { text: string } is neither a timestamp nor an i64';

describe('findings about windows', () => {
  const cases: readonly (readonly [string, string, string, readonly string[]])[] = [
    [
      'no kind',
      '{}',
      '',
      [
        'steps.counts.window: the window has no kind: a window is "tumbling", "sliding", "session", "count" or "global"',
      ],
    ],
    [
      'two kinds',
      '{ tumbling: 1s, session: 1s }',
      '',
      [
        'steps.counts.window: the window is "tumbling" and "session": a window is "tumbling", "sliding", "session", "count" or "global"',
      ],
    ],
    [
      'a negative duration',
      '{ tumbling: -5s }',
      '',
      [
        'steps.counts.window.tumbling: expected a duration such as "500ms", "10s", "5m", "1h" or "1d"',
      ],
    ],
    [
      'a length of nothing',
      '{ session: 0s }',
      '',
      [
        'steps.counts.window.session: expected a duration such as "500ms", "10s", "5m", "1h" or "1d"',
      ],
    ],
    [
      'a sliding window that does not say how often',
      '{ sliding: 10s }',
      '',
      ['steps.counts.window.every: is missing'],
    ],
    [
      'an every that is no number of records',
      '{ count: 10, every: 5s }',
      '',
      ['steps.counts.window.every: a window of a count ends after a number of records: every: 10'],
    ],
    [
      'a key that the kind does not have',
      '{ session: 1s, offset: 1s }',
      '',
      ['steps.counts.window.offset: a session window has no "offset"'],
    ],
    [
      'an unknown key, with the one that was meant',
      '{ tumbling: 1s, ofset: 1s }',
      '',
      ['steps.counts.window.ofset: unknown key, did you mean "offset"?'],
    ],
    [
      'a global window that never fires',
      '{ global: true }',
      '',
      ['steps.counts.window.trigger: is missing'],
    ],
    [
      'an emit next to a window',
      '{ tumbling: 1s }',
      ', emit: end',
      [
        'steps.counts.emit: a windowed step emits when its windows fire: see "trigger" of the window',
      ],
    ],
    [
      'lateness without an end',
      '{ count: 5 }',
      ', allowedLateness: 1s',
      ['steps.counts.allowedLateness: a window without an end knows no late records'],
    ],
    [
      'lateness in two places',
      '{ tumbling: 1s, allowedLateness: 1s }',
      ', allowedLateness: 1s',
      ['steps.counts.allowedLateness: the window has an allowedLateness of its own'],
    ],
    [
      'gaps between windows',
      '{ sliding: 5s, every: 10s }',
      '',
      [
        TIME,
        'steps.counts.window.every: windows of 5000 ms every 10000 ms would leave out records between windows',
      ],
    ],
    [
      'an offset beyond the next window',
      '{ tumbling: 5s, offset: 6s }',
      '',
      [
        TIME,
        'steps.counts.window.offset: an offset of 6000 ms is not less than the 5000 ms between windows',
      ],
    ],
    [
      'too many panes',
      '{ sliding: 60s, every: 7ms }',
      '',
      [
        TIME,
        'steps.counts.window: a window of 60000 ms every 7 ms has 60000 panes, limit 4096: let one be a multiple of the other',
      ],
    ],
    [
      'more records between windows of a count than in one',
      '{ count: 5, every: 6 }',
      '',
      [
        TIME,
        'steps.counts.window.every: a window of 5 every 6 records would leave out records between windows',
      ],
    ],
    [
      'a trigger by the clock',
      '{ tumbling: 5s, time: processing, trigger: { count: 1 } }',
      '',
      [TIME, 'steps.counts.window.trigger: a window by the clock has no trigger'],
    ],
    [
      'lateness by the clock',
      '{ tumbling: 5s, time: processing }',
      ', allowedLateness: 1s',
      [TIME, 'steps.counts.window: by the clock no record is late: allowedLateness has no use'],
    ],
  ];
  test.each(cases)('%s', (_, window, more, expected) => {
    expect(findings(step(window, more))).toEqual(expected);
  });

  test('a window without event time', () => {
    const without = {
      ...step('{ tumbling: 10s }'),
      sources: 'lines: { connector: file, path: in, format: lines }',
    };
    expect(findings(without)).toEqual([
      'steps.counts.window: source "lines" gives its records no event time: give it eventTime: { field: … }, or use time: processing',
    ]);
    const clocked = { ...step('{ tumbling: 10s, time: processing }'), sources: without.sources };
    expect(findings(clocked)).toEqual([]);
    expect(findings({ ...step('{ count: 10 }'), sources: without.sources })).toEqual([]);
  });

  test('late records of a step without windows that end', () => {
    const parts = { ...step('{ count: 10 }'), sinks: out('"counts:late"') };
    expect(findings(parts)).toContain(
      'sinks.out.from: "counts" has no side output "late"; it has none',
    );
  });
});

describe('findings about event time', () => {
  const source = (eventTime: string) => ({
    sources: LINES.replace('{ field: at }', eventTime),
    sinks: out('lines'),
  });
  const READING =
    'Reading { sensor: string, at: timestamp, value: f64, tags: list<string>, room: optional<i32> }';
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'neither field nor function',
      '{ idle: 1s }',
      [
        'sources.lines.eventTime: event time comes from a "field" or a function, "assign": found neither',
      ],
    ],
    [
      'both',
      '{ field: at, assign: text.upper }',
      [
        'sources.lines.eventTime: event time comes from a "field" or a function, "assign": found both',
      ],
    ],
    [
      'a function of another kind',
      '{ assign: text.upper }',
      ['sources.lines.eventTime.assign: text.upper is a map, not an assignTimestamp'],
    ],
    [
      'a function that is not there',
      '{ assign: text.uper }',
      [
        'sources.lines.eventTime.assign: module "text" has no function "uper", did you mean "upper"?',
      ],
    ],
    [
      'a field of another type',
      '{ field: value }',
      [
        `sources.lines.eventTime.field: field "value" of ${READING} is neither a timestamp nor an i64`,
      ],
    ],
    [
      'a mark that is none',
      '{ field: at, punctuated: tags }',
      [
        `sources.lines.eventTime.punctuated: field "tags" of ${READING} is neither a bool nor a timestamp nor an i64`,
      ],
    ],
    [
      'marks and a bound',
      '{ field: at, punctuated: at, outOfOrderness: 1s }',
      [
        'sources.lines.eventTime.outOfOrderness: the records themselves say what the watermark is: "punctuated"',
      ],
    ],
    [
      'an alignment without a drift',
      '{ field: at, alignment: { group: g } }',
      ['sources.lines.eventTime.alignment.maxDrift: is missing'],
    ],
    [
      'a negative bound',
      '{ field: at, outOfOrderness: -1s }',
      [
        'sources.lines.eventTime.outOfOrderness: expected a duration such as "0ms", "500ms", "10s" or "5m"',
      ],
    ],
  ];
  test.each(cases)('%s', (_, eventTime, expected) => {
    expect(findings(source(eventTime))).toEqual(expected);
  });
});
