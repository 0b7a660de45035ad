import type { Connector } from '../connectors/connector.ts';
import type { Split } from '../connectors/source.ts';
import type { ModuleVersion, OperatorSpec, Plan, StepModules } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import type { CompiledModule } from '../sandbox/guest.ts';
import type { CheckpointRecord } from './checkpoint-record.ts';
import { findConnector } from './find-connector.ts';
import type { JobParts } from './job-parts.ts';
import type { JobSpec } from './job-spec.ts';
import type { Manifest } from './manifest.ts';
import { operatorOf } from './operator-of.ts';
import type { UpdateLog } from './update-log.ts';

/** What every step of the plan runs: as the checkpoint says, or, for a step that it does not know, as submitted. */
export function modulesOf(spec: JobSpec, manifest: Manifest | undefined): StepModules {
  const modules: Record<string, ModuleVersion> = {};
  for (const { id } of operatorsOf(spec.plan)) {
    const known = [manifest?.modules ?? {}, spec.modules].find((one) => Object.hasOwn(one, id));
    if (known !== undefined) modules[id] = known[id];
  }
  return modules;
}

/** Compiles every module that a step runs, by digest. Throws `MODULE_NOT_FOUND`, and what the sandbox throws. */
export async function compileModules(options: {
  readonly spec: JobSpec;
  readonly modules: StepModules;
  readonly updates: UpdateLog;
  readonly parts: JobParts;
}): Promise<ReadonlyMap<string, CompiledModule>> {
  const compiled = new Map<string, CompiledModule>();
  for (const { id } of operatorsOf(options.spec.plan)) {
    if (!Object.hasOwn(options.modules, id)) continue;
    const version = options.modules[id];
    if (compiled.has(version.digest)) continue;
    const bytes = await readModule(version, options);
    const module = await options.parts.sandbox.compile(bytes);
    if (module.digest !== version.digest) {
      throw new MillraceError(
        'MODULE_NOT_FOUND',
        `the bytes of module "${version.ref}" have digest ${module.digest}, not ${version.digest}`,
        { hint: 'the file was changed since the job was submitted; push the module again' },
      );
    }
    compiled.set(version.digest, module);
  }
  return compiled;
}

/** The bytes of a module that the job was submitted with or that an update brought. Throws `MODULE_NOT_FOUND`. */
export async function readModule(
  version: ModuleVersion,
  { spec, updates, parts }: { spec: JobSpec; updates: UpdateLog; parts: JobParts },
): Promise<Uint8Array> {
  const { digest, ref } = version;
  const submitted = Object.hasOwn(spec.modulePaths, digest) ? spec.modulePaths[digest] : undefined;
  const path = submitted ?? updates.pathOf(digest);
  const hint = 'a checkpoint needs exactly the modules that ran when it was taken';
  if (path === undefined) {
    throw new MillraceError('MODULE_NOT_FOUND', `nobody knows where module "${ref}" is`, { hint });
  }
  try {
    return await parts.readModule(path);
  } catch (cause) {
    const text = `module "${ref}" cannot be read from "${path}"`;
    throw new MillraceError('MODULE_NOT_FOUND', text, { hint, cause });
  }
}

/** Lets every sink commit what the checkpoint holds and remove what no checkpoint knows. Throws `SINK_UNAVAILABLE`. */
export async function recoverSinks(
  spec: JobSpec,
  parts: JobParts,
  manifest: Manifest | undefined,
): Promise<void> {
  for (const chain of spec.plan.chains) {
    for (const operator of chain.operators) {
      if (operator.kind !== 'sink') continue;
      const context = {
        schema: operator.schema,
        id: operator.id,
        job: spec.id,
        attempt: spec.attempt,
        parallelism: chain.parallelism,
        baseDirectory: spec.plan.baseDirectory,
        outbound: spec.outbound,
        deliver: (rows: { bytes: Uint8Array; count: number }, key: string) =>
          parts.deliver(operator.id, { bytes: rows.bytes.slice(), count: rows.count }, key),
      };
      const transactions = operatorOf(manifest, operator.id)?.transactions ?? [];
      await findConnector(parts.connectors, operator, 'sink').recover(context, transactions);
    }
  }
}

/** The splits of every source: those of the checkpoint with their positions, or all that there are. Throws `SOURCE_UNAVAILABLE`. */
export async function findSplits(
  plan: Plan,
  connectors: ReadonlyMap<string, Connector>,
  manifest: Manifest | undefined,
): Promise<ReadonlyMap<string, readonly Split[]>> {
  const splits = new Map<string, readonly Split[]>();
  for (const operator of operatorsOf(plan)) {
    if (operator.kind !== 'source') continue;
    const source = findConnector(connectors, operator, 'source');
    const known = operatorOf(manifest, operator.id)?.splits;
    splits.set(operator.id, known ?? (await source.splits(plan.baseDirectory)));
  }
  return splits;
}

/** A restored checkpoint as lists show it. */
export function recordOf(manifest: Manifest): CheckpointRecord {
  const snapshots = Object.values(manifest.operators).flatMap((one) => one.snapshots);
  const blobs = snapshots.flatMap((one) => one.states);
  return {
    checkpoint: manifest.checkpoint,
    state: 'completed',
    triggeredAtMs: manifest.completedAtMs,
    durationMs: 0,
    bytes: blobs.reduce((sum, one) => sum + one.bytes, 0),
    pauseMs: 0,
    reason: '',
    final: manifest.final,
  };
}

function operatorsOf(plan: Plan): readonly OperatorSpec[] {
  return plan.chains.flatMap((chain) => chain.operators);
}
