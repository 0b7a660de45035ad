import { describe, expect, test } from 'vitest';
import { decodeObject } from '../../../host/abi/row-object.ts';
import { MillraceError } from '../../../host/errors.ts';
import { createEngineStateTable } from '../../../host/state/engine-state-table.ts';
import {
  createJoinBench,
  type JoinBenchOptions,
  joinSpec,
  LEFT,
  pairFunctions,
} from '../../kit/join-bench.ts';

const REGULAR = { kind: 'regular', ttlMs: undefined } as const;
const row = (key: string, id: number) => ({ key, id, time: 1 });

function benchOf(spec: JoinBenchOptions['spec']) {
  return createJoinBench({ spec, parallelism: 1, createStateTable: createEngineStateTable });
}

const texts = (left: readonly { readonly record: object }[]) =>
  left.map(({ record }) => Object.values(record).join(' '));

describe('a pair that the function fails on', () => {
  const poison = [row('a', 1), row('a', 666), row('a', 2)];
  const policy = (verdict: 'fail' | 'skip' | 'deadLetter') => ({
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    onError: { retries: 1, backoffMs: 0, then: verdict },
  });

  test.each([
    'skip',
    'deadLetter',
  ] as const)('is given up under %s, all others are made', (verdict) => {
    const bench = benchOf(joinSpec('inner', REGULAR, policy(verdict)));
    bench.rows(1, [row('a', 7), row('a', 8)]);
    expect(texts(bench.rows(0, poison))).toEqual(['1 7', '1 8', '2 7', '2 8']);
    const [{ counters }] = bench.operators;
    expect(counters).toMatchObject({
      recordsOut: 4,
      [verdict === 'skip' ? 'skipped' : 'deadLetters']: 2,
    });
    // The rows are kept: what fails is a pair.
    expect(texts(bench.rows(1, [row('a', 9)]))).toEqual(['1 9', '2 9']);
  });

  test('is a dead letter of both its records', () => {
    const bench = benchOf(joinSpec('inner', REGULAR, policy('deadLetter')));
    bench.rows(1, [row('a', 7)]);
    bench.rows(0, poison);
    const [left, right] = bench.deadLetters;
    expect(bench.deadLetters).toHaveLength(2);
    expect(left).toMatchObject({ step: 'joined', function: 'pair', code: 'GUEST_TRAP' });
    expect(decodeObject(LEFT, left.row, 0)).toEqual({ key: 'a', id: 666n });
    expect(right.row.length).toBeGreaterThan(0);
  });

  test('fails the job with both records in what it says', () => {
    const bench = benchOf(joinSpec('inner', REGULAR, policy('fail')));
    bench.rows(1, [row('a', 7)]);
    const failure = (() => {
      try {
        bench.rows(0, poison);
      } catch (thrown) {
        return MillraceError.from(thrown);
      }
      return undefined;
    })();
    expect(failure?.message).toBe('step "joined" failed on a record: poison');
    expect(failure?.details[0]).toBe(
      'record {"key":"a","id":"666"} with {"id":"7","note":"nn","name":"a"}',
    );
  });
});

describe('another version of the function', () => {
  test('makes the pairs from its swap on, of rows from before as well', () => {
    const bench = benchOf(joinSpec('left', REGULAR));
    bench.rows(1, [row('a', 7)]);
    expect(texts(bench.rows(0, [row('a', 1), row('b', 2)]))).toEqual(['1 7']);
    bench.stage(bench.sandbox.module('v2', pairFunctions(1_000n)));
    expect(texts(bench.rows(0, [row('a', 3)]))).toEqual(['3 7']);
    bench.swap();
    expect(texts(bench.rows(0, [row('a', 4)]))).toEqual(['1004 1007']);
    expect(texts(bench.end())).toEqual(['1002 ']);
  });

  test('is refused when it takes other records, or wants a side that may be missing', () => {
    const bench = benchOf(joinSpec('left', REGULAR));
    const [pair] = pairFunctions();
    const staged = (digest: string, join: object) => () =>
      bench.stage(bench.sandbox.module(digest, [{ ...pair, join: { ...pair.join!, ...join } }]));
    expect(staged('a', { right: LEFT })).toThrow(
      'step "joined" cannot run the new version: the right record of function "pair" is Left',
    );
    expect(staged('b', { rightOptional: false })).toThrow(
      'function "pair" always takes a right record, a left join may have none',
    );
    expect(staged('c', { leftOptional: false })).not.toThrow();
  });
});

test('a key with more rows than one list may hold stops the job with what to do', () => {
  const bench = benchOf(joinSpec('inner', REGULAR));
  const many = Array.from({ length: 2_000 }, (_, i) => row('a', i));
  const fill = () => {
    for (let i = 0; i < 100; i++) bench.rows(0, many);
  };
  expect(fill).toThrow('join "joined" would keep more than 4194304 bytes of rows for one key');
});
