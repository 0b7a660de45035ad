import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import type { Clock } from '../../host/clock.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import {
  createGeneratorConnector,
  generatorConnector,
} from '../../host/connectors/generator/generator-connector.ts';
import type { Source } from '../../host/connectors/source.ts';
import type { RecordSchema, ValueType } from '../../host/model/schema.ts';
import { sourceContract } from '../contracts/source.ts';
import { decodeBatch } from '../kit/rows.ts';
import { openReading, type SourceSetup } from '../kit/source-reading.ts';

function schemaOf(fields: { readonly [name: string]: ValueType }): RecordSchema {
  return {
    name: 'Made',
    fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
  };
}

const BID = schemaOf({
  id: { kind: 'u64' },
  price: { kind: 'f64' },
  channel: { kind: 'optional', of: { kind: 'string' } },
  at: { kind: 'timestamp' },
  open: { kind: 'bool' },
  tags: { kind: 'list', of: { kind: 'string' } },
});

function sourceOf(options: ConnectorOptions, connector = generatorConnector): Source {
  const checked = connector.source!(options);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return checked.value;
}

async function recordsOf(schema: RecordSchema, options: ConnectorOptions) {
  const setup = { source: sourceOf(options), schema, baseDirectory: '/' };
  const reading = await openReading(setup, await setup.source.splits('/'));
  const rows = await reading.rest();
  const bytes = new Uint8Array(Buffer.from(rows.join(''), 'latin1'));
  return decodeBatch(schema, { bytes, count: rows.length });
}

sourceContract('generator', async () => ({
  source: sourceOf({
    count: 50,
    splits: 3,
    fields: { channel: { choice: ['web', 'app', ''], nulls: 0.3 } },
  }),
  schema: BID,
  baseDirectory: '/',
}));

describe('generator connector', () => {
  test('makes as many records as it is told to, over all splits', async () => {
    const schema = schemaOf({ n: { kind: 'i64' } });
    const records = await recordsOf(schema, { count: 1000, splits: 7 });
    const numbers = records.map((record) => Number(record.n)).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test('makes the same records from the same seed and others from another', async () => {
    const schema = schemaOf({ x: { kind: 'f64' } });
    const first = await recordsOf(schema, { count: 100, seed: 7 });
    expect(await recordsOf(schema, { count: 100, seed: 7 })).toEqual(first);
    expect(await recordsOf(schema, { count: 100, seed: 8 })).not.toEqual(first);
  });

  test('fills fields by their rules', async () => {
    const schema = schemaOf({
      n: { kind: 'i64' },
      small: { kind: 'i32' },
      price: { kind: 'f64' },
      word: { kind: 'string' },
      text: { kind: 'string' },
      at: { kind: 'timestamp' },
      maybe: { kind: 'optional', of: { kind: 'u32' } },
    });
    const records = await recordsOf(schema, {
      count: 500,
      fields: {
        n: { sequence: { start: -5_000_000_000, step: 3_000_000_000 } },
        small: { uniform: { min: -2, max: 2 } },
        price: { uniform: { min: 10, max: 20 } },
        word: { choice: ['é', 'b'] },
        text: { words: { of: ['to', 'be'], count: 3 } },
        at: { timestamp: { start: '2020-01-01T00:00:00Z', step: '1s', jitter: '5s' } },
        maybe: { nulls: 0.5 },
      },
    });
    const of = (name: string) => records.map((record) => record[name]);
    expect(of('n').slice(0, 3)).toEqual([-5_000_000_000n, -2_000_000_000n, 1_000_000_000n]);
    expect(new Set(of('small'))).toEqual(new Set([-2, -1, 0, 1, 2]));
    expect(of('price').every((price) => Number(price) >= 10 && Number(price) < 20)).toBe(true);
    expect(new Set(of('word'))).toEqual(new Set(['é', 'b']));
    expect(of('text').every((text) => /^(to|be) (to|be) (to|be)$/.test(String(text)))).toBe(true);
    const start = Date.parse('2020-01-01T00:00:00Z');
    const early = of('at').map((at, i) => start + 1000 * i - Number(at));
    expect(early.every((ms) => ms >= 0 && ms <= 5000)).toBe(true);
    expect(new Set(early).size).toBeGreaterThan(100);
    const nulls = of('maybe').filter((value) => value === null).length;
    expect(nulls).toBeGreaterThan(150);
    expect(nulls).toBeLessThan(350);
  });

  test('clears what a reused batch held before', async () => {
    const schema = schemaOf({ a: { kind: 'bool' }, b: { kind: 'i32' }, c: { kind: 'string' } });
    const source = sourceOf({ count: 200, fields: { c: { choice: ['', 'long enough'] } } });
    const setup: SourceSetup = { source, schema, baseDirectory: '/' };
    const clean = await (await openReading(setup, await source.splits('/'))).rest();
    const dirty = await openReading(setup, await source.splits('/'));
    const out = new BatchBuilder();
    out.bytes.fill(0xff);
    dirty.reader.poll(out, 1 << 16);
    expect(Buffer.from(out.batch().bytes).toString('latin1')).toBe(clean.join(''));
  });

  test('keeps to its rate by the clock, and sleeps in between', async () => {
    let nowMs = 0;
    const timers: { readonly atMs: number; readonly callback: () => void }[] = [];
    const clock: Clock = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      after(delayMs, callback) {
        const timer = { atMs: nowMs + delayMs, callback };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    };
    const schema = schemaOf({ n: { kind: 'i64' } });
    const source = sourceOf({ rate: 100, count: 1000, splits: 2 }, createGeneratorConnector(clock));
    let wakes = 0;
    const reader = await source.open(await source.splits('/'), {
      schema,
      id: 'in',
      task: 0,
      parallelism: 1,
      onMalformed: 'fail',
      malformed() {},
      baseDirectory: '/',
      wake: () => void wakes++,
    });
    const out = new BatchBuilder();
    expect(reader.poll(out, 1 << 16)).toBe('idle');
    expect(out.count).toBe(0);
    expect(timers.map((timer) => timer.atMs)).toEqual([10]);
    nowMs = 10;
    timers.shift()!.callback();
    expect(wakes).toBe(1);
    expect(reader.poll(out, 1 << 16)).toBe('idle');
    expect(out.count).toBe(1);
    nowMs = 510;
    reader.poll(out, 1 << 16);
    expect(out.count).toBe(51);
    // A long stop is not made up for: one second's worth comes at once.
    nowMs = 60_000;
    reader.poll(out, 1 << 16);
    expect(out.count).toBe(151);
    await reader.close();
    expect(timers).toEqual([]);
  });

  test('refuses unknown keys and wrong values, each with its path', () => {
    const checked = generatorConnector.source!({
      cuont: 5,
      rate: -1,
      fields: { a: { uniform: { min: 3, max: 1 } }, b: { sequence: {}, choice: ['x'] } },
    });
    expect(checked.ok).toBe(false);
    const paths = checked.ok ? [] : checked.findings.map((finding) => finding.path.join('.'));
    expect(paths.sort()).toEqual(['cuont', 'fields.a.uniform', 'fields.b', 'rate']);
  });

  test.each([
    [{ kind: 'i32' }, { words: { of: ['a'], count: 1 } }],
    [{ kind: 'i32' }, { choice: ['a'] }],
    [{ kind: 'i32' }, { uniform: { min: 0.2, max: 0.8 } }],
    [{ kind: 'string' }, { sequence: {} }],
    [{ kind: 'bool' }, { choice: [1] }],
    [{ kind: 'bytes' }, { choice: ['a'] }],
    [{ kind: 'i64' }, { nulls: 0.5 }],
    [{ kind: 'record', record: BID }, {}],
  ] as const)('refuses to fill a field of type %o by %o', async (type, rule) => {
    const source = sourceOf({ fields: { field: rule } } as ConnectorOptions);
    const setup = { source, schema: schemaOf({ field: type }), baseDirectory: '/' };
    await expect(openReading(setup, await source.splits('/'))).rejects.toMatchObject({
      code: 'CONNECTOR_OPTION',
    });
  });

  test('refuses a rule for a field that the record does not have', async () => {
    const source = sourceOf({ fields: { nmae: { choice: ['a'] } } });
    const setup = { source, schema: BID, baseDirectory: '/' };
    await expect(openReading(setup, await source.splits('/'))).rejects.toMatchObject({
      code: 'CONNECTOR_OPTION',
      message: 'source "in": record "Made" has no field "nmae"',
    });
  });
});
