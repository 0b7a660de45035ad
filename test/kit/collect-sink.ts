import type { RowObject } from '../../host/abi/row-object.ts';
import type { Connector } from '../../host/connectors/connector.ts';
import type { Sink, SinkContext, SinkWriter } from '../../host/connectors/sink.ts';
import { MillraceError } from '../../host/errors.ts';
import { decodeBatch } from './rows.ts';
import { waitList } from './wait-list.ts';

export type CollectedRecord = RowObject;

/** The calls that can be made to fail. */
export type CollectCall = 'recover' | 'open' | 'write' | 'preCommit' | 'commit';

/** A sink that keeps in memory what was committed. It outlives the attempts of a job, as an output directory would. */
export interface CollectSink {
  readonly sink: Sink;
  readonly connector: Connector;
  /** What readers of the output see: the committed records, in order of commit. */
  readonly committed: readonly CollectedRecord[];
  /** Records handed over by tasks, committed or not. */
  readonly written: number;
  /** Transactions that are pre-committed and neither committed nor dropped. */
  readonly pending: number;
  /** Resolves when the committed records satisfy `condition`. */
  until(condition: (records: readonly CollectedRecord[]) => boolean): Promise<void>;
  /** Makes the next `times` calls of this kind throw `STORAGE_FAILED`; in `commit` before anything happens. */
  fail(call: CollectCall, times?: number): void;
  /** Writers report `full` until `unblock`. */
  block(): void;
  unblock(): void;
}

interface Transaction {
  readonly [key: string]: string | readonly string[];
  readonly keys: readonly string[];
}

/**
 * Makes a `CollectSink`, two-phase as the `file` sink is: a transaction is a list of keys of runs that wait.
 *
 *     const out = createCollectSink();
 *     await out.until((records) => records.length === 3);
 */
export function createCollectSink(options: { readonly name?: string } = {}): CollectSink {
  const committed: CollectedRecord[] = [];
  /** Runs of records by `sink/job/task/attempt/number`. */
  const pending = new Map<string, readonly CollectedRecord[]>();
  const committedKeys = new Set<string>();
  const failures = new Map<CollectCall, number>();
  const changes = waitList<readonly CollectedRecord[]>();
  const blockedWriters = new Set<() => void>();
  const totals = { written: 0, blocked: false };

  function mayFail(call: CollectCall, id: string): void {
    const left = failures.get(call) ?? 0;
    if (left === 0) return;
    failures.set(call, left - 1);
    throw new MillraceError('STORAGE_FAILED', `sink "${id}" was told to fail in ${call}`);
  }

  function commitKeys(id: string, transaction: Transaction): void {
    for (const key of transaction.keys) {
      if (committedKeys.has(key)) continue;
      const records = pending.get(key);
      if (records === undefined) {
        throw new MillraceError('SINK_UNAVAILABLE', `sink "${id}" has lost transaction "${key}"`);
      }
      pending.delete(key);
      committedKeys.add(key);
      committed.push(...records);
    }
    changes.notify(committed);
  }

  function open(context: SinkContext): SinkWriter {
    const prefix = `${context.id}/${context.job}/${context.task}/${context.attempt}`;
    let run: CollectedRecord[] = [];
    let runs = 0;
    /** Pre-committed here and not committed yet; every later transaction has them again. */
    let waiting: string[] = [];
    return {
      get full() {
        if (totals.blocked) blockedWriters.add(context.wake);
        return totals.blocked;
      },
      write(batch) {
        mayFail('write', context.id);
        const records = decodeBatch(context.schema, batch);
        totals.written += records.length;
        run.push(...records);
      },
      async preCommit() {
        mayFail('preCommit', context.id);
        if (run.length > 0) {
          const key = `${prefix}/${runs++}`;
          pending.set(key, run);
          waiting.push(key);
          run = [];
        }
        return waiting.length === 0 ? null : { keys: [...waiting] };
      },
      async commit(transaction) {
        if (transaction === null) return;
        mayFail('commit', context.id);
        commitKeys(context.id, transaction as Transaction);
        waiting = waiting.filter((key) => !committedKeys.has(key));
      },
      flush() {},
      async close() {
        run = [];
      },
    };
  }

  const sink: Sink = {
    guarantee: 'exactly-once',
    async recover(context, transactions) {
      mayFail('recover', context.id);
      for (const transaction of transactions) {
        if (transaction !== null) commitKeys(context.id, transaction as Transaction);
      }
      for (const key of [...pending.keys()]) {
        if (key.startsWith(`${context.id}/${context.job}/`)) pending.delete(key);
      }
    },
    async open(context) {
      mayFail('open', context.id);
      return open(context);
    },
  };
  return {
    sink,
    connector: { name: options.name ?? 'collect', sink: () => ({ ok: true, value: sink }) },
    committed,
    get written() {
      return totals.written;
    },
    get pending() {
      return pending.size;
    },
    until: async (condition) => {
      if (!condition(committed)) await changes.until(condition);
    },
    fail: (call, times = 1) => void failures.set(call, times),
    block() {
      totals.blocked = true;
    },
    unblock() {
      totals.blocked = false;
      const woken = [...blockedWriters];
      blockedWriters.clear();
      for (const wake of woken) wake();
    },
  };
}
