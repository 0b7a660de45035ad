import { createRowKernel } from '../../host/abi/create-row-kernel.ts';
import type { RowObject } from '../../host/abi/row-object.ts';
import type { JoinHow, JoinSpec, JoinType } from '../../host/dataflow/join-spec.ts';
import type {
  DeadLetter,
  Operator,
  OperatorSnapshot,
  Output,
  SwappableOperator,
} from '../../host/dataflow/operator.ts';
import { createJoinOperator } from '../../host/dataflow/operators/join/create-join-operator.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../../host/limits.ts';
import { keyGroupOf, keyGroupRange } from '../../host/model/key-group.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { CompiledModule } from '../../host/sandbox/guest.ts';
import type { CreateStateTable } from '../../host/state/state-table.ts';
import { createFakeSandbox, type FakeFunction, type FakeSandbox } from './fake-sandbox.ts';
import { batchOfRows, copyOf, keyOf, rowsOf, viewOf } from './keyed-rows.ts';
import { type Timed, timedBatch, timedRecords } from './timed-rows.ts';

export const JOIN_KEY_GROUPS = 16;

export const LEFT: RecordSchema = {
  name: 'Left',
  fields: [
    { name: 'key', type: { kind: 'string' } },
    { name: 'id', type: { kind: 'i64' } },
  ],
};
/** Its key is another field than the left one's. */
export const RIGHT: RecordSchema = {
  name: 'Right',
  fields: [
    { name: 'id', type: { kind: 'i64' } },
    { name: 'note', type: { kind: 'string' } },
    { name: 'name', type: { kind: 'string' } },
  ],
};
export const PAIR: RecordSchema = {
  name: 'Pair',
  fields: [
    { name: 'left', type: { kind: 'optional', of: { kind: 'i64' } } },
    { name: 'right', type: { kind: 'optional', of: { kind: 'i64' } } },
  ],
};

/** A pair of this left id traps. */
export const POISON_ID = 666n;

export function pairFunctions(mark = 0n): FakeFunction[] {
  return [
    {
      name: 'pair',
      input: LEFT,
      output: PAIR,
      state: undefined,
      join: { right: RIGHT, leftOptional: true, rightOptional: true },
      body: {
        join: (left, right, guest) => {
          if (left?.id === POISON_ID) guest.trap('poison');
          const marked = (row: RowObject | null) =>
            row === null ? null : (row.id as bigint) + mark;
          return { left: marked(left), right: marked(right) };
        },
      },
    },
  ];
}

export function joinSpec(type: JoinType, how: JoinHow, more: Partial<JoinSpec> = {}): JoinSpec {
  const passes = type === 'semi' || type === 'anti';
  return {
    ...{ kind: 'join', id: 'joined', type, how },
    ...{ input: LEFT, right: RIGHT, output: passes ? LEFT : PAIR },
    ...{ key: keyOf(LEFT, 'key'), rightKey: keyOf(RIGHT, 'name') },
    ...(passes ? {} : { function: { module: 'm', name: 'pair', kind: 'join' as const } }),
    lateRead: { left: true, right: true },
    stamps: { startIndex: undefined, endIndex: undefined },
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    onError: { retries: 0, backoffMs: 0, then: 'fail' },
    limits: {
      fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
      memoryPages: MEMORY_PAGES_MAX,
      outputBytes: OUTPUT_BYTES_MAX,
    },
    ...more,
  };
}

/** Something that leaves a join: by which output, the record, its event time. */
export interface Left {
  readonly side: string;
  readonly record: RowObject;
  readonly time: bigint | undefined;
}

/** One row of an input. */
export interface JoinRow {
  readonly key: string;
  readonly id: number;
  readonly time: number | undefined;
}

/** The tasks of a join, fed as edges would feed them. */
export interface JoinBench {
  readonly operators: readonly Operator[];
  readonly deadLetters: readonly DeadLetter[];
  readonly sandbox: FakeSandbox;
  rows(side: 0 | 1, rows: readonly JoinRow[]): Left[];
  watermark(timeMs: number): Left[];
  end(): Left[];
  snapshots(): OperatorSnapshot[];
  /** The same join in other tasks, from these snapshots. */
  restored(parallelism: number): JoinBench;
  stage(module: CompiledModule): void;
  swap(): void;
}

export interface JoinBenchOptions {
  readonly spec: JoinSpec;
  readonly parallelism: number;
  readonly createStateTable: CreateStateTable;
}

const kernel = createRowKernel();

export function createJoinBench(options: JoinBenchOptions): JoinBench {
  const { spec, parallelism, createStateTable } = options;
  const deadLetters: DeadLetter[] = [];
  const sandbox = createFakeSandbox();
  const module = sandbox.module('v1', pairFunctions());
  const ranges = Array.from({ length: parallelism }, (_, task) =>
    keyGroupRange(task, JOIN_KEY_GROUPS, parallelism),
  );
  const operators = ranges.map((range, task) => {
    const context = {
      ...{ task, keyGroups: JOIN_KEY_GROUPS, range, hashed: true },
      log: () => {},
      deadLetter: (letter: DeadLetter) => deadLetters.push(letter),
    };
    const parts = { context, sandbox, kernel, createStateTable };
    return createJoinOperator(spec, { ...parts, module });
  });

  const collect = (run: (out: Output, task: number) => void): Left[] => {
    const left: Left[] = [];
    const take = (side: string, schema: RecordSchema) => (rows: Timed[]) =>
      left.push(...rows.map((row) => ({ side, ...row })), ...(schema === spec.output ? [] : []));
    for (let task = 0; task < parallelism; task++) {
      run(
        {
          batch: (batch) => take('', spec.output)(timedRecords(spec.output, copyOf(batch))),
          side: (name, batch) => {
            const schema = name === 'lateRight' ? spec.right : spec.input;
            take(name, schema)(timedRecords(schema, copyOf(batch)));
          },
        },
        task,
      );
    }
    return left;
  };

  const isBroadcast = spec.how.kind === 'broadcast';
  const deal = (side: 0 | 1, rows: readonly JoinRow[], task: number) => {
    const schema = side === 0 ? spec.input : spec.right;
    const timed = rows.map(({ key, id, time }) => ({
      record: { key, name: key, id: BigInt(id), note: 'n'.repeat(id % 5) },
      time: time === undefined ? undefined : BigInt(time),
    }));
    const batch = copyOf(timedBatch(schema, timed));
    if (isBroadcast && side === 1) return batch;
    const dealt = copyOf(batch);
    kernel.hashKeys(dealt, side === 0 ? spec.key : spec.rightKey);
    const { start, end } = ranges[task];
    const isMine = (row: Uint8Array, i: number) => {
      if (isBroadcast) return i % parallelism === task;
      const group = keyGroupOf(viewOf(row).getUint32(4, true), JOIN_KEY_GROUPS);
      return group >= start && group < end;
    };
    return batchOfRows(rowsOf(isBroadcast ? batch : dealt).filter(isMine));
  };

  return {
    operators,
    deadLetters,
    sandbox,
    rows: (side, rows) =>
      collect((out, task) => operators[task].onBatch(deal(side, rows, task), out, side)),
    watermark: (timeMs) => collect((out, task) => operators[task].onWatermark(timeMs, out)),
    end: () =>
      collect((out, task) => {
        operators[task].onWatermark(Number.MAX_SAFE_INTEGER, out);
        operators[task].onEnd(out);
      }),
    snapshots: () => operators.map((operator) => structuredClone(operator.snapshot())),
    restored(to) {
      const next = createJoinBench({ ...options, parallelism: to });
      const snapshots = this.snapshots();
      for (const [task, operator] of next.operators.entries()) {
        const range = keyGroupRange(task, JOIN_KEY_GROUPS, to);
        for (const [part, snapshot] of snapshots.entries()) {
          const held = ranges[part];
          if (held.start < range.end && range.start < held.end) operator.restore(snapshot, range);
        }
      }
      return next;
    },
    stage(staged) {
      for (const operator of operators) (operator as SwappableOperator).stage(staged);
    },
    swap() {
      for (const operator of operators) (operator as SwappableOperator).swap();
    },
  };
}
