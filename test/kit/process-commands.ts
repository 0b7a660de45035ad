/**
 * A process function that does what its records say, as a fake guest and from scratch as an oracle: the same commands must give
 * the same results for each key, whatever the batches, tasks and restarts.
 */
import type { ProcessSpec } from '../../host/dataflow/process-spec.ts';
import {
  entryRecord,
  type ProcessDescription,
  stateRecord,
} from '../../host/model/process-description.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { FakeContext, FakeProcess } from './fake-process.ts';
import type { FakeFunction } from './fake-sandbox.ts';
import { AMPLE_LIMITS } from './guest-runs.ts';
import { keyOf } from './keyed-rows.ts';

export const COMMAND: RecordSchema = {
  name: 'Command',
  fields: [
    { name: 'key', type: { kind: 'string' } },
    { name: 'op', type: { kind: 'string' } },
    { name: 'arg', type: { kind: 'i64' } },
  ],
};
export const REPLY: RecordSchema = {
  name: 'Reply',
  fields: [
    { name: 'key', type: { kind: 'string' } },
    { name: 'text', type: { kind: 'string' } },
  ],
};

export const COUNT_TTL_MS = 100;
export const PAGES_TTL_MS = 150;

export const DESCRIPTION: ProcessDescription = {
  second: undefined,
  states: [
    { name: 'count', kind: 'value', type: { kind: 'i64' }, ttlMs: COUNT_TTL_MS },
    { name: 'list', kind: 'list', type: { kind: 'string' }, ttlMs: undefined },
  ],
  maps: [
    {
      name: 'pages',
      entry: entryRecord({ kind: 'i64' }, { kind: 'string' }),
      broadcast: false,
      ttlMs: PAGES_TTL_MS,
    },
  ],
  sides: [{ name: 'odd', record: REPLY }],
  metrics: [
    { name: 'commands', kind: 'counter' },
    { name: 'latest', kind: 'gauge' },
  ],
};

export const SPEC: ProcessSpec = {
  kind: 'process',
  id: 'commands',
  function: { module: 'm', name: 'commands', kind: 'process' },
  input: COMMAND,
  output: REPLY,
  process: DESCRIPTION,
  state: stateRecord(DESCRIPTION.states),
  key: keyOf(COMMAND, 'key'),
  secondKey: undefined,
  ttlMs: undefined,
  // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
  onError: { retries: 0, backoffMs: 0, then: 'skip' },
  limits: AMPLE_LIMITS,
};

/** What commands work on: of a fake guest, or of the oracle. */
export interface CommandState {
  readonly key: string;
  readonly nowMs: number;
  readonly time: number;
  count(): number;
  setCount(count: number | null): void;
  list(): readonly string[];
  push(text: string): void;
  page(key: number): string | undefined;
  setPage(key: number, text: string | null): void;
  pages(): readonly (readonly [number, string])[];
  timer(kind: 'set' | 'delete', timeMs: number): void;
  processing(kind: 'set' | 'delete', timeMs: number): void;
  reply(text: string): void;
  odd(text: string): void;
  fail(): never;
}

export const OPERATIONS = [
  ...['inc', 'clear', 'push', 'put', 'put', 'drop', 'pages', 'get', 'timer', 'timer', 'untimer'],
  ...['ptimer', 'unptimer', 'odd', 'failHalfway'],
] as const;

/** One record. */
export function runCommand(op: string, arg: number, on: CommandState): void {
  switch (op) {
    case 'inc':
      on.setCount(on.count() + 1);
      on.reply(`count ${on.count()}`);
      return;
    case 'clear':
      on.setCount(null);
      return;
    case 'push':
      on.push(`${arg}`);
      on.reply(on.list().join(','));
      return;
    case 'put':
      on.setPage(arg, `${on.time}`);
      on.reply(`pages ${JSON.stringify(on.pages())}`);
      return;
    case 'drop':
      on.setPage(arg, null);
      return;
    case 'pages':
      on.reply(`pages ${JSON.stringify(on.pages())}`);
      return;
    case 'get':
      on.reply(`page ${on.page(arg)}`);
      return;
    case 'timer':
      on.timer('set', on.time + arg);
      return;
    case 'untimer':
      on.timer('delete', on.time + arg);
      return;
    case 'ptimer':
      on.processing('set', on.nowMs + arg);
      return;
    case 'unptimer':
      on.processing('delete', on.nowMs + arg);
      return;
    case 'odd':
      on.odd(`odd ${on.count()}`);
      return;
    default:
      on.setCount(1_000);
      on.setPage(1, 'lost');
      on.timer('set', on.time + 1);
      on.reply('lost');
      on.fail();
  }
}

/** One timer. Some set others, also ones that are due before timers of other keys, and delete ones that are set. */
export function runTimer(timeMs: number, isProcessing: boolean, on: CommandState): void {
  on.setCount(on.count() + 1);
  on.reply(`${isProcessing ? 'clock' : 'timer'} ${timeMs} ${on.count()} ${on.list().length}`);
  if (isProcessing) {
    if (timeMs % 4 === 0) on.processing('set', timeMs + 7);
    return;
  }
  if (timeMs % 3 === 0) on.timer('set', timeMs + 1);
  if (timeMs % 5 === 0) on.timer('delete', timeMs + 2);
  if (timeMs % 7 === 0) on.odd(`at ${timeMs}`);
}

/** The function as a fake guest. */
export function commandFunction(): FakeFunction {
  const body: FakeProcess = {
    kind: 'process',
    process: (record, context) => {
      context.add('commands', 1);
      context.gauge('latest', Number(record.arg));
      runCommand(String(record.op), Number(record.arg), guestState(String(record.key), context));
    },
    onTimer: (timeMs, key, context) => {
      runTimer(timeMs, context.isProcessingTime, guestState(String(key.key), context));
    },
  };
  const { state } = SPEC;
  return {
    name: 'commands',
    input: COMMAND,
    output: REPLY,
    state,
    process: DESCRIPTION,
    body: { process: body },
  };
}

function guestState(key: string, context: FakeContext): CommandState {
  const pages = () => context.map('pages');
  const list = () => context.get('list') as readonly string[];
  return {
    ...{ key, nowMs: context.nowMs, time: Number(context.timestamp) },
    count: () => Number(context.get('count') ?? 0),
    setCount: (count) => context.set('count', count === null ? null : BigInt(count)),
    list,
    push: (text) => context.set('list', [...list(), text]),
    page: (at) => pages().get(BigInt(at)) as string | undefined,
    setPage: (at, text) => {
      if (text === null) pages().delete(BigInt(at));
      else pages().set(BigInt(at), text);
    },
    pages: () =>
      pages()
        .entries()
        .map(([at, text]) => [Number(at), String(text)]),
    timer: (kind, timeMs) => {
      if (kind === 'set') context.setTimer(timeMs);
      else context.deleteTimer(timeMs);
    },
    processing: (kind, timeMs) => {
      if (kind === 'set') context.setProcessingTimer(timeMs);
      else context.deleteProcessingTimer(timeMs);
    },
    reply: (text) => context.emit({ key, text }),
    odd: (text) => context.side('odd', { key, text }),
    fail: () => context.guest.trap('asked for'),
  };
}
