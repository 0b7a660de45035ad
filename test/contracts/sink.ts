import { describe, expect, test } from 'vitest';
import type { Sink, SinkWriter } from '../../host/connectors/sink.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { Json } from '../../host/model/json.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { encodeBatch } from '../kit/rows.ts';

/** A place that sinks write to, and what its readers see. It outlives every process. */
export interface SinkPlace {
  /** The sink as a process that starts now makes it. */
  start(): Sink;
  readonly baseDirectory: string;
  /** The texts of the records that readers see, in any order. */
  visible(): Promise<readonly string[]>;
  /** Receives what a running attempt delivers. */
  deliver(rows: Batch, key: string): void;
  /** Things of this sink that readers do not see: pending files and the like. Undefined where there is nothing to count. */
  leftovers?(): Promise<number>;
}

interface Attempt {
  readonly number: number;
  readonly sink: Sink;
  writer(task?: number): Promise<SinkWriter>;
}

/** The contexts of attempts of one job: those that were replaced deliver nothing any more. */
function attemptsOf(place: SinkPlace, job = 'job-1') {
  let latest = 0;
  return async (transactions: readonly Json[]): Promise<Attempt> => {
    const number = ++latest;
    const sink = place.start();
    const context = {
      schema: LINE_SCHEMA,
      id: 'out',
      job,
      attempt: number,
      parallelism: 2,
      baseDirectory: place.baseDirectory,
      deliver: (rows: Batch, key: string) => {
        if (number === latest) place.deliver(rows, key);
      },
    };
    await sink.recover(context, JSON.parse(JSON.stringify(transactions)));
    return { number, sink, writer: (task = 0) => sink.open({ ...context, task, wake() {} }) };
  };
}

function lines(...texts: readonly string[]): Batch {
  return encodeBatch(
    LINE_SCHEMA,
    texts.map((text) => ({ text })),
  );
}

/** What every exactly-once sink promises (`host/connectors/sink.ts`: S1, S2, S3). `create` makes an empty place. */
export function sinkContract(name: string, create: () => Promise<SinkPlace>): void {
  describe(`sink contract: ${name}`, () => {
    test('S1 shows nothing before the commit, and then what was written before the barrier, whole', async () => {
      const place = await create();
      const writer = await (await attemptsOf(place)([])).writer();
      writer.write(lines('a', 'b'));
      writer.flush();
      const preCommit = writer.preCommit(1);
      writer.write(lines('c'));
      const transaction = await preCommit;
      expect(await place.visible()).toEqual([]);
      await writer.commit(transaction);
      expect(await sorted(place)).toEqual(['a', 'b']);
      await writer.commit(await writer.preCommit(2));
      expect(await sorted(place)).toEqual(['a', 'b', 'c']);
      await writer.close();
    });

    test('answers null when nothing was written and nothing waits', async () => {
      const place = await create();
      const writer = await (await attemptsOf(place)([])).writer();
      expect(await writer.preCommit(1)).toBeNull();
      await writer.commit(null);
      writer.write(lines('a'));
      await writer.commit(await writer.preCommit(2));
      expect(await writer.preCommit(3)).toBeNull();
      await writer.close();
      expect(await place.visible()).toEqual(['a']);
    });

    test('S3 shows a transaction once, however often it is committed', async () => {
      const place = await create();
      const attempt = attemptsOf(place);
      const writer = await (await attempt([])).writer();
      writer.write(lines('a'));
      const transaction = await writer.preCommit(1);
      await writer.commit(transaction);
      await writer.commit(transaction);
      await writer.close();
      await attempt([transaction]);
      await attempt([transaction]);
      expect(await place.visible()).toEqual(['a']);
    });

    test('brings the output of a checkpoint that was given up with the next one', async () => {
      const place = await create();
      const writer = await (await attemptsOf(place)([])).writer();
      writer.write(lines('a'));
      await writer.preCommit(1);
      writer.write(lines('b'));
      await writer.preCommit(2);
      const transaction = await writer.preCommit(3);
      await writer.commit(transaction);
      expect(await sorted(place)).toEqual(['a', 'b']);
      await writer.close();
    });

    test('commits overlapping transactions in order', async () => {
      const place = await create();
      const writer = await (await attemptsOf(place)([])).writer();
      writer.write(lines('a'));
      const first = await writer.preCommit(1);
      writer.write(lines('b'));
      const second = await writer.preCommit(2);
      await writer.commit(first);
      expect(await place.visible()).toEqual(['a']);
      await writer.commit(second);
      expect(await sorted(place)).toEqual(['a', 'b']);
      await writer.close();
    });

    test('S2 lets another process commit what was pre-committed', async () => {
      const place = await create();
      const attempt = attemptsOf(place);
      const first = await attempt([]);
      const transactions: Json[] = [];
      for (const task of [0, 1]) {
        const writer = await first.writer(task);
        writer.write(lines(`of task ${task}`));
        transactions.push(await writer.preCommit(1));
      }
      await attempt(transactions);
      expect(await sorted(place)).toEqual(['of task 0', 'of task 1']);
    });

    test('drops what no checkpoint knows', async () => {
      const place = await create();
      const attempt = attemptsOf(place);
      const writer = await (await attempt([])).writer();
      writer.write(lines('pre-committed'));
      await writer.preCommit(1);
      writer.write(lines('written'));
      await attempt([]);
      expect(await place.visible()).toEqual([]);
      expect((await place.leftovers?.()) ?? 0).toBe(0);
    });

    test('leaves nothing behind when a writer closes and all was committed', async () => {
      const place = await create();
      const writer = await (await attemptsOf(place)([])).writer();
      writer.write(lines('a'));
      await writer.commit(await writer.preCommit(1));
      writer.write(lines('b'));
      await writer.close();
      expect(await place.visible()).toEqual(['a']);
      expect((await place.leftovers?.()) ?? 0).toBe(0);
    });

    test('never lets two attempts meet', async () => {
      const place = await create();
      const attempt = attemptsOf(place);
      const zombie = await (await attempt([])).writer();
      zombie.write(lines('old'));
      const lost = await zombie.preCommit(1);
      const writer = await (await attempt([])).writer();
      zombie.write(lines('older'));
      writer.write(lines('new'));
      const transaction = await writer.preCommit(1);
      await zombie.commit(lost).catch(() => {});
      await writer.commit(transaction);
      expect(await place.visible()).toEqual(['new']);
      await writer.close();
      await zombie.close();
      expect(await place.visible()).toEqual(['new']);
    });

    test('keeps two jobs with the same sink apart', async () => {
      const place = await create();
      const ours = await (await attemptsOf(place, 'ours')([])).writer();
      ours.write(lines('ours'));
      const transaction = await ours.preCommit(1);
      const theirs = await (await attemptsOf(place, 'theirs')([])).writer();
      theirs.write(lines('theirs'));
      await ours.commit(transaction);
      await theirs.commit(await theirs.preCommit(1));
      expect(await sorted(place)).toEqual(['ours', 'theirs']);
      await ours.close();
      await theirs.close();
    });

    test.each([
      'cut short',
      'closed',
    ])('loses and repeats nothing when the job dies between any two calls, its writer %s', async (end) => {
      for (let crashAt = 0; crashAt <= SCRIPT.length; crashAt++) {
        for (const durable of [false, true]) {
          const place = await create();
          await runScript(place, { crashAt, durable, close: end === 'closed' });
          expect(await sorted(place), `crash before call ${crashAt}`).toEqual(TEXTS);
        }
      }
    });
  });
}

type Call =
  | { readonly kind: 'write'; readonly text: string }
  | { readonly kind: 'preCommit'; readonly checkpoint: number }
  | { readonly kind: 'commit'; readonly checkpoint: number };

/** A job of three checkpoints; the second is given up, one is committed late. */
const SCRIPT: readonly Call[] = [
  { kind: 'write', text: 'a' },
  { kind: 'write', text: 'b' },
  { kind: 'preCommit', checkpoint: 1 },
  { kind: 'write', text: 'c' },
  { kind: 'commit', checkpoint: 1 },
  { kind: 'preCommit', checkpoint: 2 },
  { kind: 'write', text: 'd' },
  { kind: 'preCommit', checkpoint: 3 },
  { kind: 'write', text: 'e' },
  { kind: 'commit', checkpoint: 3 },
  { kind: 'preCommit', checkpoint: 4 },
  { kind: 'commit', checkpoint: 4 },
];
const TEXTS = ['a', 'b', 'c', 'd', 'e'];

/** A manifest: the call it was made after, and what it commits. */
interface Completed {
  readonly after: number;
  readonly transaction: Json;
}

/**
 * Runs the script up to call `crashAt`, starts again from the last complete checkpoint and runs the rest. `durable` says whether
 * the manifest of a checkpoint was written when the job died right after its `preCommit`.
 */
async function runScript(
  place: SinkPlace,
  crash: { readonly crashAt: number; readonly durable: boolean; readonly close: boolean },
): Promise<void> {
  const attempt = attemptsOf(place);
  const first = await (await attempt([])).writer();
  const transactions = new Map<number, Json>();
  let completed: Completed = { after: -1, transaction: null };
  for (let i = 0; i < crash.crashAt; i++) {
    const call = SCRIPT[i];
    const transaction = await runCall(first, call, transactions);
    const manifest = crash.durable || i < crash.crashAt - 1;
    const givenUp = call.kind === 'preCommit' && call.checkpoint === 2;
    if (call.kind === 'preCommit' && manifest && !givenUp) completed = { after: i, transaction };
  }
  if (crash.close) await first.close();
  const restored = completed.transaction === null ? [] : [completed.transaction];
  const second = await (await attempt(restored)).writer();
  const before = SCRIPT.slice(0, completed.after + 1);
  const covered = before.flatMap((call) => (call.kind === 'write' ? [call.text] : []));
  expect(await sorted(place), `recovered before call ${crash.crashAt}`).toEqual(covered);
  for (const call of SCRIPT.slice(completed.after + 1)) await runCall(second, call, transactions);
  await second.close();
}

async function runCall(
  writer: SinkWriter,
  call: Call,
  transactions: Map<number, Json>,
): Promise<Json> {
  if (call.kind === 'write') writer.write(lines(call.text));
  if (call.kind === 'preCommit') {
    transactions.set(call.checkpoint, await writer.preCommit(call.checkpoint));
  }
  const transaction = call.kind === 'write' ? null : (transactions.get(call.checkpoint) ?? null);
  if (call.kind === 'commit') await writer.commit(transaction);
  return transaction;
}

async function sorted(place: SinkPlace): Promise<readonly string[]> {
  return [...(await place.visible())].sort();
}
