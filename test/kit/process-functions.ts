import { entryRecord, stateRecord } from '../../host/model/process-description.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { FakeContext, FakeProcess } from './fake-process.ts';
import type { FakeFunction } from './fake-sandbox.ts';
import { WORD } from './word-functions.ts';

export const CLICK: RecordSchema = {
  name: 'Click',
  fields: [
    { name: 'user', type: { kind: 'i64' } },
    { name: 'id', type: { kind: 'i64' } },
    { name: 'at', type: { kind: 'timestamp' } },
  ],
};

/** Milliseconds of event time that `tally` counts together. */
export const BUCKET_MS = 50;
/** Behind all records: such timers fire when the input has ended. */
const END_MS = 10 ** 15;

const i64 = { kind: 'i64' } as const;
const nothing = { states: [], maps: [], sides: [], metrics: [], second: undefined };
const value = (name: string) => ({ name, kind: 'value', type: i64, ttlMs: undefined }) as const;
const entries = (name: string, broadcast: boolean, key: 'i64' | 'string') => ({
  ...{ name, broadcast, ttlMs: undefined },
  entry: entryRecord({ kind: key }, i64),
});

/**
 * Three functions whose results do not depend on the order in which streams meet. `tally`: how many clicks each user has in each bucket of
 * event time, and every id by `tally:seen`. `pair`: how many clicks came by each input. `rated`: clicks, and the sum of all rules.
 */
export function processFunctions(): FakeFunction[] {
  return [
    { name: 'tally', ...clicks(), ...tally() },
    { name: 'pair', ...clicks(), ...pair() },
    { name: 'rated', ...clicks(), ...rated() },
  ];
}

const clicks = () => ({ input: CLICK, output: CLICK });
const count = (context: FakeContext, state: string) => Number(context.get(state) ?? 0);
const add = (context: FakeContext, state: string) => {
  context.set(state, BigInt(count(context, state) + 1));
  context.setTimer(END_MS);
};

function tally() {
  const process = {
    ...nothing,
    maps: [entries('buckets', false, 'i64')],
    sides: [{ name: 'seen', record: CLICK }],
    metrics: [{ name: 'clicks', kind: 'counter' }] as const,
  };
  const body = {
    kind: 'process',
    process(click, context) {
      const end = (BigInt((Number(click.at) / BUCKET_MS) | 0) + 1n) * BigInt(BUCKET_MS);
      const buckets = context.map('buckets');
      buckets.set(end, ((buckets.get(end) as bigint | undefined) ?? 0n) + 1n);
      context.setTimer(Number(end));
      context.side('seen', click);
      context.add('clicks', 1);
    },
    onTimer(timeMs, key, context) {
      const buckets = context.map('buckets');
      context.emit({ user: key.user, id: timeMs, at: buckets.get(BigInt(timeMs)) });
      buckets.delete(BigInt(timeMs));
    },
  } satisfies FakeProcess;
  return { process, state: undefined, body: { process: body } };
}

function pair() {
  const process = { ...nothing, second: CLICK, states: [value('left'), value('right')] };
  const body = {
    kind: 'coProcess',
    process: (_, context) => add(context, 'left'),
    second: (_, context) => add(context, 'right'),
    onTimer(_, key, context) {
      context.emit({ user: key.user, id: count(context, 'left'), at: count(context, 'right') });
    },
  } satisfies FakeProcess;
  return { process, state: stateRecord(process.states), body: { process: body } };
}

function rated() {
  const maps = [entries('rules', true, 'string')];
  const process = { ...nothing, second: WORD, states: [value('clicks')], maps };
  const body = {
    kind: 'broadcastProcess',
    process: (_, context) => add(context, 'clicks'),
    second: ({ word, count: weight }, context) => context.map('rules').set(word, weight),
    onTimer(_, key, context) {
      const rules = context.map('rules').entries();
      const sum = rules.reduce((total, [, weight]) => total + Number(weight), 0);
      context.emit({ user: key.user, id: count(context, 'clicks'), at: sum });
    },
  } satisfies FakeProcess;
  return { process, state: stateRecord(process.states), body: { process: body } };
}
