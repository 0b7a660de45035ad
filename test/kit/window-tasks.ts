import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { createRowKernel } from '../../host/abi/create-row-kernel.ts';
import { decodeTime, encodeObject } from '../../host/abi/row-object.ts';
import { createOperator } from '../../host/dataflow/create-operator.ts';
import type {
  DeadLetter,
  Operator,
  OperatorCounters,
  Output,
  SwappableOperator,
  TimedOperator,
} from '../../host/dataflow/operator.ts';
import type { WindowedSpec } from '../../host/dataflow/window-spec.ts';
import { keyGroupRange } from '../../host/model/key-group.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { CompiledModule, Sandbox } from '../../host/sandbox/guest.ts';
import { createStateTable } from '../../host/state/create-state-table.ts';
import type { CreateStateTable } from '../../host/state/state-table.ts';
import { createFakeSandbox, type Fields } from './fake-sandbox.ts';
import { copyOf, rowsOf } from './keyed-rows.ts';
import { decodeBatch } from './rows.ts';
import { UNBOUND, windowFunctions } from './window-functions.ts';

export const WINDOW_KEY_GROUPS = 12;

/** A record on its way in; `time` undefined = it has no event time. */
export interface TimedFields {
  readonly record: Fields;
  readonly time: number | undefined;
}

export interface WindowTasksOptions {
  readonly spec: WindowedSpec;
  readonly parallelism?: number;
  readonly createStateTable?: CreateStateTable;
  readonly sandbox?: Sandbox;
  readonly module?: CompiledModule;
}

/** All parallel tasks of one windowed step on their own: records and watermarks in, records out. */
export class WindowTasks {
  readonly #options: WindowTasksOptions;
  readonly #sandbox: Sandbox;
  readonly #module: CompiledModule;
  readonly #kernel = createRowKernel();
  readonly deadLetters: DeadLetter[] = [];
  /** What left by the side output `late`. */
  readonly late: TimedFields[] = [];
  operators: Operator[];
  /** Of operators that were replaced. */
  #past: OperatorCounters[] = [];

  constructor(options: WindowTasksOptions) {
    this.#options = options;
    const sandbox = createFakeSandbox();
    this.#sandbox = options.sandbox ?? sandbox;
    this.#module = options.module ?? sandbox.module('v1', windowFunctions());
    this.operators = this.#create(options.parallelism ?? 1);
  }

  /** Hands in one batch, dealt by key; returns what came out. */
  feed(records: readonly TimedFields[]): TimedFields[] {
    const { spec } = this.#options;
    const builder = new BatchBuilder();
    for (const { record, time } of records) {
      encodeObject(spec.input, { ...UNBOUND, ...record }, builder, time);
    }
    const batch = copyOf(builder.batch());
    const targets = this.operators.map(() => new BatchBuilder());
    this.#kernel.partitionByKey(batch, spec.key, WINDOW_KEY_GROUPS, targets);
    return this.#collect((operator, out, i) => operator.onBatch(copyOf(targets[i].batch()), out));
  }

  watermark(timeMs: number): TimedFields[] {
    return this.#collect((operator, out) => operator.onWatermark(timeMs, out));
  }

  /** The clock shows this time: tasks do what is due. */
  now(nowMs: number): TimedFields[] {
    return this.#collect((operator, out) => {
      const timed = operator as TimedOperator;
      if (timed.dueMs !== undefined && timed.dueMs <= nowMs) timed.onTime(nowMs, out);
    });
  }

  end(): TimedFields[] {
    return this.#collect((operator, out) => operator.onEnd(out));
  }

  /** A crash and a restore from a checkpoint of just now, at another parallelism. */
  restore(parallelism: number): void {
    const snapshots = this.operators.map((operator) => structuredClone(operator.snapshot()));
    for (const operator of this.operators) {
      this.#past.push({ ...operator.counters, stateEntries: 0, stateBytes: 0 });
      operator.close();
    }
    const before = this.operators.length;
    this.operators = this.#create(parallelism);
    for (const [i, operator] of this.operators.entries()) {
      const range = keyGroupRange(i, WINDOW_KEY_GROUPS, parallelism);
      for (const [part, snapshot] of snapshots.entries()) {
        const its = keyGroupRange(part, WINDOW_KEY_GROUPS, before);
        if (its.start < range.end && range.start < its.end) operator.restore(snapshot, range);
      }
    }
  }

  swap(module: CompiledModule): void {
    for (const operator of this.operators as SwappableOperator[]) {
      operator.stage(module);
      operator.swap();
    }
  }

  /** A counter of all tasks, those before a restore included. */
  total(counter: keyof OperatorCounters): number {
    const all = [...this.#past, ...this.operators.map((operator) => operator.counters)];
    return all.reduce((sum, counters) => sum + counters[counter], 0);
  }

  close(): void {
    for (const operator of this.operators) operator.close();
  }

  #create(parallelism: number): Operator[] {
    const { spec, createStateTable: create = createStateTable } = this.#options;
    return Array.from({ length: parallelism }, (_, task) =>
      createOperator(spec, {
        context: {
          task,
          keyGroups: WINDOW_KEY_GROUPS,
          range: keyGroupRange(task, WINDOW_KEY_GROUPS, parallelism),
          hashed: true,
          log: () => {},
          deadLetter: (letter) => this.deadLetters.push(letter),
        },
        sandbox: this.#sandbox,
        module: this.#module,
        kernel: this.#kernel,
        createStateTable: create,
      }),
    );
  }

  #collect(run: (operator: Operator, out: Output, task: number) => void): TimedFields[] {
    const { spec } = this.#options;
    const results: TimedFields[] = [];
    for (const [task, operator] of this.operators.entries()) {
      const out: Output = {
        batch: (batch) => results.push(...timed(spec.output, batch)),
        side: (name, batch) => {
          if (name === 'late') this.late.push(...timed(spec.input, batch));
        },
      };
      run(operator, out, task);
    }
    return results;
  }
}

function timed(schema: RecordSchema, batch: Parameters<typeof rowsOf>[0]): TimedFields[] {
  const records = decodeBatch(schema, batch);
  return rowsOf(batch).map((row, i) => {
    const time = decodeTime(row, 0);
    return { record: records[i], time: time === undefined ? undefined : Number(time) };
  });
}
