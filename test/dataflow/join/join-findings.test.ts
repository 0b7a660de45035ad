import { describe, expect, test } from 'vitest';
import { httpLookup } from '../../../host/connectors/lookup/http-lookup.ts';
import { readPipeline } from '../../../host/dataflow/pipeline.ts';
import { planPipeline } from '../../../host/dataflow/plan-pipeline.ts';
import type { FunctionDescription } from '../../../host/model/module-description.ts';
import type { RecordSchema } from '../../../host/model/schema.ts';
import { planText } from '../../kit/plan-text.ts';
import { PAPER_CONNECTORS } from '../../kit/planned-words.ts';

const ORDER: RecordSchema = {
  name: 'Order',
  fields: [
    { name: 'id', type: { kind: 'i64' } },
    { name: 'item', type: { kind: 'string' } },
    { name: 'at', type: { kind: 'timestamp' } },
    { name: 'weight', type: { kind: 'f64' } },
  ],
};
const PAID: RecordSchema = {
  name: 'Paid',
  fields: [
    { name: 'order', type: { kind: 'i64' } },
    { name: 'note', type: { kind: 'optional', of: { kind: 'string' } } },
    { name: 'at', type: { kind: 'timestamp' } },
  ],
};
const SALE: RecordSchema = {
  name: 'Sale',
  fields: [
    { name: 'item', type: { kind: 'string' } },
    { name: 'windowEnd', type: { kind: 'string' } },
  ],
};

function joinFunction(name: string, rightOptional: boolean): FunctionDescription {
  const join = { right: PAID, leftOptional: false, rightOptional };
  return { name, kind: 'join', input: ORDER, output: SALE, state: undefined, join };
}

const SHOP = {
  ref: 'shop@1',
  digest: '00',
  description: {
    abi: 1,
    sdk: 'test',
    records: [ORDER, PAID, SALE],
    functions: [
      joinFunction('sale', false),
      joinFunction('anySale', true),
      { name: 'pass', kind: 'map', input: ORDER, output: ORDER, state: undefined } as const,
    ],
  },
};
const CONNECTORS = new Map([...PAPER_CONNECTORS, ['http', { name: 'http', lookup: httpLookup }]]);

const TIMED = ', eventTime: { field: at }';

/** Plans one join of orders and payments. */
function plan(
  step: string,
  { timed = true, sinks = 'out: { from: j, connector: file, path: o, format: json }' } = {},
) {
  const source = (name: string, record: string) =>
    `  ${name}: { connector: file, path: in, format: json, record: shop.${record}${timed ? TIMED : ''} }`;
  const text = [
    'name: joins\nmodules: { shop: shop@1 }\nsources:',
    source('orders', 'Order'),
    source('paid', 'Paid'),
    `steps:\n  j: ${step}\nsinks:\n  ${sinks}`,
    // Each source is read, whatever the step says.
    '  a: { from: orders, connector: file, path: a, format: json }',
    '  b: { from: paid, connector: file, path: b, format: json }',
  ].join('\n');
  return planPipeline(readPipeline(text), {
    modules: new Map([['shop', SHOP]]),
    connectors: CONNECTORS,
    baseDirectory: '/data',
  });
}

function findings(step: string, options?: Parameters<typeof plan>[1]): readonly string[] {
  try {
    plan(step, options);
  } catch (error) {
    expect(error).toMatchObject({ code: 'PIPELINE_INVALID' });
    return (error as { readonly details: readonly string[] }).details;
  }
  return [];
}

const ON = 'on: { left: id, right: order }';
const SIDES = `left: orders, right: paid, ${ON}`;
const LOOKUP = `left: orders, ${ON}, lookup: { connector: http, url: "http://h/{order}"`;

describe('joins that are refused, each with what is wrong', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'an interval without bounds',
      `{ join: shop.sale, ${SIDES}, interval: {} }`,
      ['steps.j.interval.lower: is missing', 'steps.j.interval.upper: is missing'],
    ],
    [
      'an interval that holds nothing',
      `{ join: shop.sale, ${SIDES}, interval: { lower: 5s, upper: -5s } }`,
      ['steps.j.interval: the lower bound is above the upper one: no record is between them'],
    ],
    [
      'a bound that is no duration, and one that is too long',
      `{ join: shop.sale, ${SIDES}, interval: { lower: --5s, upper: 99d } }`,
      [
        'steps.j.interval.lower: expected a duration such as "-5s", "0ms" or "10s"',
        'steps.j.interval.upper: a duration is at most 2147483647 ms, about 24 days',
      ],
    ],
    [
      'a negative time to live',
      `{ join: shop.sale, ${SIDES}, ttl: -1h }`,
      ['steps.j.ttl: expected a duration such as "500ms", "10s", "5m", "1h" or "1d"'],
    ],
    [
      'a side that is missing',
      `{ join: shop.sale, left: orders, ${ON} }`,
      ['steps.j.right: is missing'],
    ],
    [
      'a key that is missing',
      '{ join: shop.sale, left: orders, right: paid }',
      ['steps.j.on: is missing'],
    ],
    [
      'two ways to join, and a time to live beside one',
      `{ join: shop.sale, ${SIDES}, temporal: true, ttl: 1h, window: { tumbling: 1s } }`,
      [
        'steps.j.temporal: a join is of one kind, this one has "window" as well',
        'steps.j.ttl: a join with "window" keeps records for as long as that asks for',
      ],
    ],
    [
      'windows that do not end or fire more than once',
      `{ join: shop.sale, ${SIDES}, window: { session: 1s } }`,
      [
        'steps.j.window.session: a join takes tumbling and sliding windows of event time, which fire once',
      ],
    ],
    [
      'fields that do not exist, and ones that cannot be a key',
      '{ join: shop.sale, left: orders, right: paid, on: { left: [idd, weight], right: [order, note] } }',
      [
        'steps.j.on.left[0]: no field "idd" in Order { id: i64, item: string, at: timestamp, weight: f64 }, did you mean "id"?',
        'steps.j.on.left[1]: field "weight" of type f64 cannot be a key: floats, lists and records have no equality of bytes',
      ],
    ],
    [
      'keys of different types',
      '{ join: shop.sale, left: orders, right: paid, on: { left: [item, at], right: [note, order] } }',
      [
        'steps.j.on.left[0]: "item" is of type string, but "note" on the right is of type optional<string>: keys are equal when their bytes are',
        'steps.j.on.left[1]: "at" is of type timestamp, but "order" on the right is of type i64: keys are equal when their bytes are',
      ],
    ],
    [
      'keys of different lengths',
      '{ join: shop.sale, left: orders, right: paid, on: { left: [id, at], right: order } }',
      ['steps.j.on: 2 fields on the left, 1 on the right'],
    ],
    [
      'sides the wrong way round',
      '{ join: shop.sale, left: paid, right: orders, on: { left: order, right: id } }',
      [
        'steps.j.left: "paid" yields Paid { order: i64, note: optional<string>, at: timestamp }, but shop.sale takes Order { id: i64, item: string, at: timestamp, weight: f64 } as its left record',
        'steps.j.right: "orders" yields Order { id: i64, item: string, at: timestamp, weight: f64 }, but shop.sale takes Paid { order: i64, note: optional<string>, at: timestamp } as its right record',
      ],
    ],
    [
      'a function that always wants the side that may be missing',
      `{ join: shop.sale, ${SIDES}, type: full }`,
      [
        'steps.j.type: a full join has results without a left record, but shop.sale always takes one: declare it as Order | null',
        'steps.j.type: a full join has results without a right record, but shop.sale always takes one: declare it as Paid | null',
      ],
    ],
    [
      'a function of another kind',
      `{ join: shop.pass, ${SIDES} }`,
      ['steps.j.join: shop.pass is a map, not a join'],
    ],
    [
      'a function where left records pass, and none where they do not',
      `{ join: shop.sale, ${SIDES}, type: anti }`,
      ['steps.j.join: a join of type anti passes left records on: expected true'],
    ],
    [
      'a type that a table does not have',
      `{ join: shop.anySale, ${SIDES}, temporal: true, type: full }`,
      [
        'steps.j.type: right records of such a join wait for nobody: expected inner, left, semi or anti',
      ],
    ],
    [
      'a window whose end does not fit its field',
      `{ join: shop.sale, ${SIDES}, window: { tumbling: 1s } }`,
      [
        'steps.j.window: field "windowEnd" of Sale { item: string, windowEnd: string } is to hold a bound of the window: it must be a timestamp or an i64, found string',
      ],
    ],
    [
      'a lookup with a right side, and of a type that it does not have',
      `{ join: shop.anySale, right: paid, type: right, ${LOOKUP} } }`,
      [
        'steps.j.right: the right side is the table that is looked up',
        'steps.j.type: a lookup is inner or left',
      ],
    ],
    [
      'options that the table does not know',
      `{ join: shop.sale, ${LOOKUP}, capacity: 0, shards: 3 } }`,
      ['steps.j.lookup.capacity: expected a whole number from 1 to 10000'],
    ],
    [
      'an unknown connector of a lookup',
      `{ join: shop.sale, left: orders, ${ON}, lookup: { connector: htpt } }`,
      ['steps.j.lookup.connector: no connector "htpt" for a lookup, did you mean "http"?'],
    ],
    [
      'options that the connector does not know',
      `{ join: shop.sale, ${LOOKUP}, shards: 3 } }`,
      ['steps.j.lookup.shards: there is no option "shards"'],
    ],
  ];

  test.each(cases)('%s', (_, step, expected) => {
    expect(findings(step)).toEqual(expected);
  });

  test.each([
    ['interval', 'interval: { lower: 0s, upper: 1s }', 2],
    ['window', 'window: { sliding: 2s, every: 1s }', 2],
    ['temporal', 'temporal: true', 1],
  ] as const)('%s: records without event time', (key, how, sources) => {
    const join = key === 'window' ? 'join: true, type: semi' : 'join: shop.sale';
    const found = findings(`{ ${join}, ${SIDES}, ${how} }`, { timed: false });
    expect(found).toHaveLength(sources);
    expect(found[0]).toContain(`steps.j.${key}: source "orders" gives its records no event time`);
  });

  test('late records of a join that knows none', () => {
    const sinks = 'out: { from: [j:lateLeft], connector: file, path: o, format: json }';
    expect(findings(`{ join: true, type: semi, ${SIDES} }`, { sinks })[0]).toBe(
      'sinks.out.from[0]: "j" has no side output "lateLeft"; it has none',
    );
  });
});

describe('joins that are planned', () => {
  test('both sides come by their key, a broadcast side to every task, a lookup has a chain of its own', () => {
    const text = (step: string) => planText(plan(step).plan);
    const keyed = text(
      `{ join: shop.anySale, ${SIDES}, type: left, interval: { lower: -5s, upper: 10s } }`,
    );
    expect(keyed).toContain('by key id');
    expect(keyed).toContain('by key order');
    expect(text(`{ join: shop.sale, ${SIDES}, sideInput: latest }`)).toContain('to all');
    expect(text(`{ join: shop.sale, ${LOOKUP} } }`)).toContain('j (http)');
  });

  test('late records leave by the side that they came by', () => {
    const step = `{ join: true, type: semi, ${SIDES}, interval: { lower: 0s, upper: 1s } }`;
    const sinks = [
      'out: { from: j, connector: file, path: o, format: json }',
      'l: { from: j:lateLeft, connector: file, path: l, format: json }',
      'r: { from: j:lateRight, connector: file, path: r, format: json }',
    ].join('\n  ');
    const { chains } = plan(step, { sinks }).plan;
    const spec = chains.flatMap((chain) => chain.operators).find(({ id }) => id === 'j');
    expect(spec).toMatchObject({ kind: 'join', lateRead: { left: true, right: true } });
  });
});
