import { createRowKernel } from '../../host/abi/create-row-kernel.ts';
import { createOperator } from '../../host/dataflow/create-operator.ts';
import type {
  DeadLetter,
  Operator,
  OperatorContext,
  Output,
  SwappableOperator,
} from '../../host/dataflow/operator.ts';
import { operatorFacts } from '../../host/dataflow/operator-facts.ts';
import type { StepSpec } from '../../host/dataflow/plan.ts';
import type { Batch } from '../../host/model/batch.ts';
import { type KeyGroupRange, keyGroupOf } from '../../host/model/key-group.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { CompiledModule, Sandbox } from '../../host/sandbox/guest.ts';
import { createStateTable } from '../../host/state/create-state-table.ts';

import type { Fields } from './fake-sandbox.ts';
import { batchOf, batchOfRows, rowsOf, viewOf } from './keyed-rows.ts';
import { decodeBatch } from './rows.ts';

export const BENCH_KEY_GROUPS = 16;

/** One operator on its own: records in, records out, and what it told its task. */
export interface OperatorBench {
  readonly operator: Operator;
  /** The operator, when it has a function that can be changed. */
  readonly swappable: SwappableOperator;
  readonly deadLetters: readonly DeadLetter[];
  readonly logs: readonly string[];
  /** What came out by side outputs so far, by name. */
  readonly sides: ReadonlyMap<string, readonly Fields[]>;
  /** Hands in one batch and returns what came out, in order. Rows of keyed steps are dealt by key first: foreign keys are dropped. */
  feed(records: readonly Fields[]): Fields[];
  /** Ends the input; returns what came out. */
  end(): Fields[];
}

export interface BenchOptions {
  readonly spec: StepSpec;
  readonly sandbox: Sandbox;
  readonly module?: CompiledModule;
  /** Key groups of the task; all unless given, and then a `keyed` step gets its rows without hashes. */
  readonly range?: KeyGroupRange;
  readonly kernel?: ReturnType<typeof createRowKernel>;
}

export function createOperatorBench(options: BenchOptions): OperatorBench {
  const { spec, sandbox, module } = options;
  const deadLetters: DeadLetter[] = [];
  const logs: string[] = [];
  const sides = new Map<string, Fields[]>();
  const kernel = options.kernel ?? createRowKernel();
  const range = options.range ?? { start: 0, end: BENCH_KEY_GROUPS };
  const context: OperatorContext = {
    task: 0,
    keyGroups: BENCH_KEY_GROUPS,
    range,
    hashed: spec.kind !== 'keyed' || options.range !== undefined,
    log: (level, text) => logs.push(`${level}: ${text}`),
    deadLetter: (letter) => deadLetters.push(letter),
  };
  const parts = { context, sandbox, kernel, createStateTable };
  const operator = createOperator(spec, module === undefined ? parts : { ...parts, module });
  const [input, output] = schemasOf(spec);

  function collect(run: (out: Output) => void): Fields[] {
    const collected: Fields[] = [];
    run({ batch: (batch) => collected.push(...decodeBatch(output, batch)), side });
    return collected;
  }

  function side(name: string, batch: Batch): void {
    const records = decodeBatch(output, batch);
    if (records.length > 0) sides.set(name, [...(sides.get(name) ?? []), ...records]);
  }

  return {
    operator,
    swappable: operator as SwappableOperator,
    deadLetters,
    logs,
    sides,
    feed(records) {
      let batch = batchOf(input, records);
      if ('key' in spec && context.hashed) {
        kernel.hashKeys(batch, spec.key);
        const own = rowsOf(batch).filter((row) => isIn(range, viewOf(row).getUint32(4, true)));
        batch = batchOfRows(own);
      }
      return collect((out) => operator.onBatch(batch, out));
    },
    end: () => collect((out) => operator.onEnd(out)),
  };
}

function isIn(range: KeyGroupRange, hash: number): boolean {
  const group = keyGroupOf(hash, BENCH_KEY_GROUPS);
  return group >= range.start && group < range.end;
}

function schemasOf(spec: StepSpec): readonly RecordSchema[] {
  const { input, output } = operatorFacts(spec);
  return [input, output].filter((one) => one !== undefined);
}
