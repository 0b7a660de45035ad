import { createPlainRowKernel } from '../../host/abi/plain-row-kernel.ts';
import { decodeObject, type RowObject } from '../../host/abi/row-object.ts';
import type { DeadLetter, OperatorSnapshot } from '../../host/dataflow/operator.ts';
import {
  createProcessOperator,
  type ProcessOperator,
} from '../../host/dataflow/operators/process/process-operator.ts';
import type { ProcessSpec } from '../../host/dataflow/process-spec.ts';
import type { Batch } from '../../host/model/batch.ts';
import { keyGroupOf, keyGroupRange, taskOfKeyGroup } from '../../host/model/key-group.ts';
import type { KeySpec } from '../../host/model/key-spec.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { CompiledModule, Sandbox } from '../../host/sandbox/guest.ts';
import { createStateTable } from '../../host/state/create-state-table.ts';
import { createTimerTable } from '../../host/state/create-timer-table.ts';
import type { CreateStateTable } from '../../host/state/state-table.ts';
import type { CreateTimerTable } from '../../host/state/timer-table.ts';
import { batchOfRows, rowsOf, viewOf } from './keyed-rows.ts';
import { timedBatch } from './timed-rows.ts';

export const PROCESS_KEY_GROUPS = 16;

export interface ProcessTasksOptions {
  readonly spec: ProcessSpec;
  readonly sandbox: Sandbox;
  readonly module: CompiledModule;
  readonly createStateTable?: CreateStateTable;
  readonly createTimerTable?: CreateTimerTable;
}

export interface Emission {
  /** Name of a side output; undefined = the main one. */
  readonly side: string | undefined;
  readonly record: RowObject;
  readonly time: bigint;
}

/** A process step at some parallelism, fed and driven as tasks do it. What it emits gathers in `out`. */
export class ProcessTasks {
  readonly #options: ProcessTasksOptions;
  #tasks: ProcessOperator[] = [];
  out: Emission[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly logged: string[] = [];

  constructor(options: ProcessTasksOptions, parallelism: number) {
    this.#options = options;
    this.#tasks = this.#open(parallelism);
  }

  get tasks(): readonly ProcessOperator[] {
    return this.#tasks;
  }

  /** A batch of records into an input, dealt by key or to all. */
  feed(records: readonly { readonly record: object; readonly time: bigint }[], input = 0): void {
    const { spec } = this.#options;
    const schema = input === 0 ? spec.input : spec.process.second;
    const key = input === 0 ? spec.key : spec.secondKey;
    if (schema === undefined) throw new Error('the function has one input');
    const batch = timedBatch(schema, records as never);
    const parts = key === undefined ? this.#tasks.map(() => copy(batch)) : this.#deal(batch, key);
    for (const [task, part] of parts.entries()) {
      this.#tasks[task].onBatch(part, this.#output(), input);
    }
  }

  watermark(timeMs: number): void {
    for (const task of this.#tasks) task.onWatermark(timeMs, this.#output());
  }

  /** So many looks at the clock, as a task that has nothing else to do takes. */
  time(nowMs: number, looks = 1): void {
    for (const task of this.#tasks) {
      for (let i = 0; i < looks; i++) task.onTime(nowMs, this.#output());
    }
  }

  snapshots(): OperatorSnapshot[] {
    return this.#tasks.map((task) => task.snapshot());
  }

  /** Goes on from snapshots, its own unless others are given, at another parallelism. */
  restart(parallelism: number, from: readonly OperatorSnapshot[] = this.snapshots()): void {
    for (const task of this.#tasks) task.close();
    this.#tasks = this.#open(parallelism);
    const { length } = from;
    for (const [i, task] of this.#tasks.entries()) {
      const range = keyGroupRange(i, PROCESS_KEY_GROUPS, parallelism);
      for (const [j, snapshot] of from.entries()) {
        const held = keyGroupRange(j, PROCESS_KEY_GROUPS, length);
        if (held.start < range.end && range.start < held.end) task.restore(snapshot, range);
      }
    }
  }

  /** What was emitted since the last time. */
  take(): Emission[] {
    const out = this.out;
    this.out = [];
    return out;
  }

  #open(parallelism: number): ProcessOperator[] {
    return Array.from({ length: parallelism }, (_, task) => {
      const { spec, sandbox, module } = this.#options;
      return createProcessOperator(spec, {
        context: {
          task,
          keyGroups: PROCESS_KEY_GROUPS,
          range: keyGroupRange(task, PROCESS_KEY_GROUPS, parallelism),
          hashed: true,
          log: (level, text) => this.logged.push(`${level}: ${text}`),
          deadLetter: (letter) => this.deadLetters.push(letter),
        },
        ...{ sandbox, module, kernel: createPlainRowKernel() },
        createStateTable: this.#options.createStateTable ?? createStateTable,
        createTimerTable: this.#options.createTimerTable ?? createTimerTable,
      });
    });
  }

  #deal(batch: Batch, key: KeySpec): Batch[] {
    const parts = this.#tasks.map((): Uint8Array[] => []);
    const hashed = copy(batch);
    createPlainRowKernel().hashKeys(hashed, key);
    for (const row of rowsOf(hashed)) {
      const group = keyGroupOf(viewOf(row).getUint32(4, true), PROCESS_KEY_GROUPS);
      parts[taskOfKeyGroup(group, PROCESS_KEY_GROUPS, this.#tasks.length)].push(row);
    }
    return parts.map(batchOfRows);
  }

  #output() {
    const { spec } = this.#options;
    const take = (side: string | undefined, schema: RecordSchema, batch: Batch) => {
      for (const row of rowsOf(batch)) {
        const time = viewOf(row).getBigInt64(8, true);
        this.out.push({ side, record: decodeObject(schema, row, 0), time });
      }
    };
    return {
      batch: (batch: Batch) => take(undefined, spec.output, batch),
      side: (name: string, batch: Batch) => {
        const side = spec.process.sides.find((one) => one.name === name);
        if (side === undefined) throw new Error(`no side output "${name}"`);
        take(name, side.record, batch);
      },
    };
  }
}

function copy(batch: Batch): Batch {
  return { bytes: batch.bytes.slice(), count: batch.count };
}
