import { isDeepStrictEqual } from 'node:util';
import type { Connector } from '../connectors/connector.ts';
import type { Split } from '../connectors/source.ts';
import type { KeyedSpec, OperatorSpec, Plan, SourceSpec } from '../dataflow/plan.ts';
import type { ProcessSpec } from '../dataflow/process-spec.ts';
import { MillraceError } from '../errors.ts';
import type { KeyField } from '../model/key-spec.ts';
import { formatType, type RecordSchema, sameLayout } from '../model/schema.ts';
import { findConnector } from './find-connector.ts';
import type { OperatorManifest } from './manifest.ts';
import type { SavedOperator, Savepoint } from './savepoint.ts';

export interface FitOptions {
  readonly plan: Plan;
  readonly connectors: ReadonlyMap<string, Connector>;
  /** State of operators that the plan does not have is left behind. */
  readonly allowDroppedState: boolean;
}

/** What a job over another plan begins with. */
export interface FittedSavepoint {
  /** By operator id; those that are new to the savepoint are missing. Blobs have their names in the savepoint. */
  readonly operators: { readonly [id: string]: OperatorManifest };
  /** Nothing is left to do. */
  readonly final: boolean;
}

interface Fit extends FitOptions {
  readonly findings: string[];
  /** A source has parts that the savepoint does not know. */
  grown: boolean;
}

/**
 * Deals what a savepoint holds to the operators of a plan, by id. An operator keeps what it has when it is still what it
 * was: a keyed step with the same key and the same layout of its state, a source of the same connector over the same parts.
 * Throws `SAVEPOINT_INCOMPATIBLE` with every finding, and what listing the sources throws.
 */
export async function fitSavepoint(
  savepoint: Savepoint,
  options: FitOptions,
): Promise<FittedSavepoint> {
  const fit: Fit = { ...options, findings: [], grown: false };
  const { plan, findings } = fit;
  if (savepoint.keyGroups !== plan.keyGroups) {
    findings.push(
      `the pipeline has ${plan.keyGroups} key groups, the savepoint ${savepoint.keyGroups}: write keyGroups: ${savepoint.keyGroups}`,
    );
  }
  const specs = plan.chains.flatMap((chain) => chain.operators);
  const saved = new Map(savepoint.operators.map((one) => [one.id, one]));
  const operators: Record<string, OperatorManifest> = Object.create(null);
  for (const spec of specs) {
    const before = saved.get(spec.id);
    if (before === undefined || before.kind !== spec.kind) continue;
    operators[spec.id] = await fitOperator(before, spec, fit);
  }
  for (const before of savepoint.operators) {
    if (!Object.hasOwn(operators, before.id)) findDropped(before, specs, fit);
  }
  if (findings.length > 0) throw incompatible(savepoint, plan, findings);
  const known = specs.every((spec) => Object.hasOwn(operators, spec.id));
  if (!fit.grown) return { operators, final: savepoint.final && known };
  // Somebody has more to read: nobody has said the last word.
  for (const id of Object.keys(operators)) operators[id] = { ...operators[id], finished: [] };
  return { operators, final: false };
}

async function fitOperator(
  before: SavedOperator,
  spec: OperatorSpec,
  fit: Fit,
): Promise<OperatorManifest> {
  const { parallelism, snapshots, watermarksMs, finished } = before;
  const kept = { parallelism, snapshots, watermarksMs, finished, transactions: [] };
  if (spec.kind === 'keyed' || spec.kind === 'process') checkState(before, spec, fit.findings);
  if (spec.kind !== 'source') return { ...kept, splits: [] };
  return { ...kept, splits: await fitSplits(before, spec, fit) };
}

function checkState(
  before: SavedOperator,
  spec: KeyedSpec | ProcessSpec,
  findings: string[],
): void {
  const wayOut = `give the step another uid, so that it begins empty, and drop this state with --allow-dropped-state`;
  const state = spec.state ?? { name: 'State', fields: [] };
  if (before.state !== null && !sameLayout(before.state, state)) {
    findings.push(
      `state of step "${spec.id}" (${sizeText(before)}): ${differences(before.state, state).join('; ')}; ${wayOut}`,
    );
  }
  const [was, is] = [before.key, spec.key.fields].map(keyText);
  if (was !== is) {
    findings.push(`key of step "${spec.id}" (${sizeText(before)}) is ${is}, was ${was}; ${wayOut}`);
  }
}

/** Each field that differs, as the pipeline has it and as it was. */
function differences(was: RecordSchema, is: RecordSchema): readonly string[] {
  const count = Math.max(was.fields.length, is.fields.length);
  return Array.from({ length: count }, (_, i) => i)
    .filter((i) => {
      const [a, b] = [was.fields[i], is.fields[i]];
      if (a === undefined || b === undefined) return true;
      return !sameLayout({ name: '', fields: [a] }, { name: '', fields: [b] });
    })
    .map((i) => `field ${i + 1} is ${fieldText(is, i)}, was ${fieldText(was, i)}`);
}

function fieldText({ fields }: RecordSchema, i: number): string {
  if (i >= fields.length) return 'missing';
  const { name, type } = fields[i];
  if (type.kind !== 'record') return `"${name}: ${formatType(type)}"`;
  const inner = type.record.fields.map((one) => `${one.name}: ${formatType(one.type)}`);
  return `"${name}: { ${inner.join(', ')} }"`;
}

/** What decides about the bytes of a key; the fields' names do not. */
function keyText(fields: readonly KeyField[]): string {
  return fields.map(({ kind, optional }) => (optional ? `optional<${kind}>` : kind)).join(', ');
}

/**
 * The splits to go on with. With the options unchanged: those of the savepoint, and after them those that are there now and
 * were not then. With other options only when they name the same splits, or positions would mean something else.
 */
async function fitSplits(
  before: SavedOperator,
  spec: SourceSpec,
  fit: Fit,
): Promise<readonly Split[]> {
  const { id } = spec;
  const wayOut =
    'give the source another uid, so that it begins anew, and drop its positions with --allow-dropped-state';
  if (before.connector !== spec.connector) {
    fit.findings.push(
      `source "${id}" is of connector "${spec.connector}", was "${before.connector}"; ${wayOut}`,
    );
    return before.splits;
  }
  const source = findConnector(fit.connectors, spec, 'source');
  const listed = await source.splits(fit.plan.baseDirectory);
  if (!isDeepStrictEqual(plain(spec.options), plain(before.options))) {
    const same =
      listed.length === before.splits.length &&
      listed.every(({ id, spec: part }) =>
        before.splits.some(
          (one) => one.id === id && isDeepStrictEqual(plain(one.spec), plain(part)),
        ),
      );
    if (!same || !sameDivision(spec.options, before.options)) {
      fit.findings.push(
        `source "${id}" has other options, by which its positions mean something else; ${wayOut}`,
      );
    }
    return before.splits;
  }
  const known = new Set(before.splits.map((split) => split.id));
  const added = listed.filter((split) => !known.has(split.id));
  if (added.length > 0) fit.grown = true;
  return [...before.splits, ...added];
}

/** A source may divide itself by a number that its splits do not carry. */
function sameDivision(is: object, was: unknown): boolean {
  const splits = (options: unknown) => (options as { readonly splits?: unknown })?.splits;
  return splits(is) === splits(was);
}

/** As it is after a way through JSON. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

function findDropped(before: SavedOperator, specs: readonly OperatorSpec[], fit: Fit): void {
  const held = holds(before);
  if (fit.allowDroppedState || held === '') return;
  const now = specs.find((one) => one.id === before.id);
  const what = now === undefined ? 'not in the pipeline' : `of kind "${now.kind}" now`;
  const kind = before.kind === 'source' ? 'source' : 'step';
  fit.findings.push(
    `${kind} "${before.id}" is ${what} and has ${held}; if it was renamed, write uid: ${before.id}, else drop it with --allow-dropped-state`,
  );
}

/** What would be lost with an operator; empty when nothing. */
function holds(operator: SavedOperator): string {
  if (operator.splits.length > 0) return `the positions of ${operator.splits.length} splits`;
  const states = operator.snapshots.flatMap((one) => one.states);
  if (states.length === 0) return '';
  const names = [...new Set(states.map((one) => `"${one.state}"`))].join(', ');
  return `state ${names} (${sizeText(operator)})`;
}

function sizeText({ snapshots }: SavedOperator): string {
  const { keys, bytes } = sizeOf(snapshots);
  return `${keys} keys, ${bytes} bytes`;
}

/** Keys and bytes of all keyed states of an operator. */
export function sizeOf(snapshots: SavedOperator['snapshots']): {
  readonly keys: number;
  readonly bytes: number;
} {
  const states = snapshots.flatMap((one) => one.states);
  return {
    keys: states.flatMap((one) => one.groups).reduce((sum, { entries }) => sum + entries, 0),
    bytes: states.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function incompatible(savepoint: Savepoint, plan: Plan, details: readonly string[]): MillraceError {
  return new MillraceError(
    'SAVEPOINT_INCOMPATIBLE',
    `the savepoint of job "${savepoint.job}" does not fit pipeline "${plan.name}"`,
    {
      details,
      hint: 'each detail tells what to change; "millrace savepoint inspect" shows what is in it',
    },
  );
}
