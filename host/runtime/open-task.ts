import type { SinkContext } from '../connectors/sink.ts';
import type { SourceContext } from '../connectors/source.ts';
import type { LookupSpec } from '../dataflow/lookup-spec.ts';
import { newCounters, type Operator, type OperatorContext } from '../dataflow/operator.ts';
import type { LookupParts } from '../dataflow/operators/operator-parts.ts';
import type { OperatorSpec, SinkSpec, SourceSpec, StepSpec } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import type { Batch } from '../model/batch.ts';
import { keyGroupRange } from '../model/key-group.ts';
import { DeadLetterBox } from './dead-letter-box.ts';
import { findConnector } from './find-connector.ts';
import { readInFlight } from './in-flight-files.ts';
import { type GateInput, InputGate, type ReplayedBatch } from './input-gate.ts';
import { assignTimes, openAssigner } from './open-assigner.ts';
import { SinkStage } from './sink-stage.ts';
import { restoreOperator } from './snapshot-files.ts';
import { SourceInput } from './source-input.ts';
import { SplitWatermarks } from './split-watermarks.ts';
import type { StateChains } from './state-chains.ts';
import { Task } from './task.ts';
import type { TaskReport } from './task-capture.ts';
import type { TaskOutput } from './task-output.ts';
import type { TaskParts } from './task-parts.ts';
import type { LogEntry, TaskStart, WorkerStart } from './worker-protocol.ts';

/** What a task needs of the worker it is opened in. */
export interface TaskSurroundings {
  readonly start: WorkerStart;
  readonly parts: TaskParts;
  readonly inputs: readonly GateInput[];
  readonly output: TaskOutput;
  readonly report: TaskReport;
  readonly chains: StateChains;
  /** Makes the worker look at its tasks again. */
  wake(): void;
  log(entry: LogEntry): void;
  deliver(sink: string, key: string, rows: Batch): void;
}

/** Opens a task: its source, steps and sink, with their state restored. Throws what connectors and operators throw. */
export async function openTask(task: TaskStart, around: TaskSurroundings): Promise<Task> {
  const { plan } = around.start;
  const chain = plan.chains[task.chain];
  const deadLetters = new DeadLetterBox();
  const source = await openSource(task, around, deadLetters);
  const operators: Operator[] = [];
  for (const spec of chain.operators) {
    if (spec.kind === 'source' || spec.kind === 'sink') continue;
    operators.push(await openStep(spec, task, around, deadLetters));
  }
  const last = chain.operators[chain.operators.length - 1];
  return new Task({
    index: task.index,
    chain,
    task: task.task,
    input: source?.input ?? new InputGate(around.inputs, await readReplay(task, around)),
    source,
    operators,
    sink: last.kind === 'sink' ? await openSink(last, task, around) : undefined,
    output: around.output,
    deadLetters,
    clock: around.parts.clock,
    report: around.report,
    chains: around.chains,
    spent: task.spent,
    unaligned: plan.checkpoint.unaligned,
  });
}

async function readReplay(task: TaskStart, { start, parts }: TaskSurroundings) {
  const batches: ReplayedBatch[] = [];
  for (const { ref, at } of task.replay) {
    for (const { piece, batch } of await readInFlight(parts.storage, ref)) {
      const edge = start.plan.edges[piece.edge];
      if (piece.at !== at || piece.to !== task.task || edge.to !== task.chain) continue;
      batches.push({ channel: piece, input: edge.input ?? 0, batch });
    }
  }
  return batches;
}

async function openSource(task: TaskStart, around: TaskSurroundings, deadLetters: DeadLetterBox) {
  const { plan, job, directory } = around.start;
  const chain = plan.chains[task.chain];
  const spec = chain.operators[0];
  if (spec.kind !== 'source') return undefined;
  const counters = newCounters();
  let input: SourceInput | undefined;
  const splits = new SplitWatermarks(spec.eventTime?.idleMs, task.watermarkMs);
  const context: SourceContext = {
    schema: spec.schema,
    id: spec.id,
    job: { id: job, directory },
    task: task.task,
    parallelism: chain.parallelism,
    onMalformed: spec.onMalformed,
    baseDirectory: plan.baseDirectory,
    progress: splits,
    malformed(record) {
      if (spec.onMalformed === 'deadLetter') {
        counters.deadLetters += 1;
        deadLetters.add({ kind: 'malformed', source: spec.id, ...record });
        return;
      }
      counters.skipped += 1;
      logSkipped(counters.skipped, spec, around, record);
    },
    wake() {
      input?.wake();
      around.wake();
    },
  };
  const reader = await findConnector(around.parts.connectors, spec, 'source').open(
    task.splits,
    context,
  );
  const step = openAssigner(spec, (step) =>
    around.parts.createOperator(step, {
      ...partsOf(around),
      context: contextOf(spec, task, around, deadLetters),
      module: moduleOf(spec, around.start),
    }),
  );
  const assign = assignTimes(spec, step, counters);
  input = new SourceInput({ spec, reader, counters, assign, splits });
  return { input, counters, assigner: step };
}

/** The first few are worth a line each, then every power of ten: a bad file must not fill the disk with log. */
function logSkipped(
  skipped: number,
  spec: SourceSpec,
  around: TaskSurroundings,
  record: {
    readonly split: string;
    readonly offset: number;
    readonly reason: string;
    readonly excerpt: string;
  },
): void {
  if (skipped > 5 && !Number.isInteger(Math.log10(skipped))) return;
  around.log({
    level: 'warn',
    step: spec.id,
    text: `malformed record at ${record.split}:${record.offset} (${record.reason}), ${skipped} skipped by this task so far: ${record.excerpt}`,
  });
}

async function openStep(
  spec: StepSpec,
  task: TaskStart,
  around: TaskSurroundings,
  deadLetters: DeadLetterBox,
): Promise<Operator> {
  const { start, parts } = around;
  const context = contextOf(spec, task, around, deadLetters);
  const operator = parts.createOperator(spec, {
    ...partsOf(around),
    context,
    ...('function' in spec ? { module: moduleOf(spec, start) } : {}),
    ...(spec.kind === 'lookup' ? { lookup: lookupOf(spec, around) } : {}),
  });
  const before = Object.hasOwn(task.restore, spec.id) ? task.restore[spec.id] : [];
  await restoreOperator(parts.storage, operator, before, context.range);
  return operator;
}

function contextOf(
  spec: OperatorSpec,
  task: TaskStart,
  around: TaskSurroundings,
  deadLetters: DeadLetterBox,
): OperatorContext {
  const { plan } = around.start;
  const chain = plan.chains[task.chain];
  return {
    task: task.task,
    keyGroups: plan.keyGroups,
    range: keyGroupRange(task.task, plan.keyGroups, chain.parallelism),
    hashed: chain.operators[0] === spec,
    log: (level, text) => around.log({ level, step: spec.id, task: task.task, text }),
    deadLetter: (letter) =>
      // A copy of its own: the row may stand in a channel's memory.
      deadLetters.add({ kind: 'record', ...letter, row: letter.row.slice() }),
  };
}

function lookupOf(spec: LookupSpec, { parts, start, wake }: TaskSurroundings): LookupParts {
  const { outbound } = start;
  const { id, right: schema, rightKey: key } = spec;
  const lookup = findConnector(parts.connectors, spec, 'lookup');
  return { table: lookup.open({ id, schema, key, outbound }), clock: parts.clock, wake };
}

function partsOf({ parts }: TaskSurroundings) {
  const { sandbox, kernel, createStateTable } = parts;
  return { sandbox, kernel, createStateTable };
}

function moduleOf(spec: OperatorSpec, start: WorkerStart) {
  const version = Object.hasOwn(start.modules, spec.id) ? start.modules[spec.id] : undefined;
  const module = version && start.compiled.get(version.digest);
  if (module !== undefined) return module;
  throw new MillraceError('MODULE_NOT_FOUND', `step "${spec.id}" has no module`, {
    hint: 'the job was started without the bytes of one of its modules',
  });
}

async function openSink(spec: SinkSpec, task: TaskStart, around: TaskSurroundings) {
  const { start, parts } = around;
  const context: SinkContext = {
    schema: spec.schema,
    id: spec.id,
    job: start.job,
    attempt: start.attempt,
    task: task.task,
    parallelism: start.plan.chains[task.chain].parallelism,
    baseDirectory: start.plan.baseDirectory,
    outbound: start.outbound,
    wake: () => around.wake(),
    deliver: (rows, key) => around.deliver(spec.id, key, rows),
  };
  return new SinkStage(spec.id, await findConnector(parts.connectors, spec, 'sink').open(context));
}
