import { readdir } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { operatorFacts, runsFunction } from '../dataflow/operator-facts.ts';
import type { ModuleVersion, OperatorSpec, Plan, StepModules } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import type { Json } from '../model/json.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { createLocalBlobStore } from '../storage/local-blob-store.ts';
import { manifestName } from './checkpoint-names.ts';
import type { JobSpec } from './job-spec.ts';
import type { Manifest, OperatorManifest, StateBlobRef, TaskSnapshotRef } from './manifest.ts';
import { chainsOf } from './manifest-blobs.ts';
import { mergeChain } from './merge-chain.ts';
import { readManifest } from './read-manifest.ts';
import {
  SAVEPOINT_FILE,
  type SavedModule,
  type SavedOperator,
  type Savepoint,
  type SavepointRecord,
  type SavepointRequest,
} from './savepoint.ts';
import { encodeSavepoint, readSavepoint } from './savepoint-file.ts';

export interface SavepointParts {
  readonly spec: JobSpec;
  /** The job's own, with its checkpoints. */
  readonly storage: BlobStore;
  readonly readModule: (version: ModuleVersion) => Promise<Uint8Array>;
  /** Opens the folder of a savepoint; a local directory unless given. */
  readonly open?: (directory: string) => BlobStore;
}

/**
 * Copies a completed and committed checkpoint into a folder of its own. The caller sees to it that the checkpoint is not removed
 * meanwhile. Throws `SAVEPOINT_EXISTS`, `CHECKPOINT_FAILED`; what was written until then is removed, and the checkpoint stands.
 */
export async function writeSavepoint(
  request: SavepointRequest,
  checkpoint: number,
  parts: SavepointParts,
): Promise<SavepointRecord> {
  try {
    return await copyCheckpoint(request, checkpoint, parts);
  } catch (thrown) {
    const cause = MillraceError.from(thrown);
    if (cause.code === 'SAVEPOINT_EXISTS') throw cause;
    const text = `the savepoint in "${request.directory}" failed: ${cause.message}`;
    throw new MillraceError('CHECKPOINT_FAILED', text, {
      details: cause.details,
      hint: cause.hint || 'the job goes on; take the savepoint again',
      cause,
    });
  }
}

async function copyCheckpoint(
  request: SavepointRequest,
  checkpoint: number,
  parts: SavepointParts,
): Promise<SavepointRecord> {
  const { spec, storage } = parts;
  if (parts.open === undefined) await assertOurs(request.directory);
  const target = (parts.open ?? createLocalBlobStore)(request.directory);
  const before = await findReplaced(target, request, spec.id);
  const name = manifestName({ checkpoint, attempt: spec.attempt });
  const manifest = readManifest(await storage.get(name), { job: spec.id, checkpoint });
  const written: string[] = [];
  let savepoint: Savepoint;
  try {
    const copy = { ...parts, target, written };
    const modules = await copyModules(manifest, copy);
    const operators = await copyOperators(manifest, copy);
    savepoint = describe({ request, manifest, spec, modules, operators });
    await target.put(SAVEPOINT_FILE, encodeSavepoint(savepoint));
  } catch (thrown) {
    const kept = new Set(before && blobsOf(before));
    for (const blob of written) if (!kept.has(blob)) await target.delete(blob).catch(() => {});
    throw thrown;
  }
  const kept = new Set(blobsOf(savepoint));
  for (const blob of before === undefined ? [] : blobsOf(before)) {
    if (!kept.has(blob)) await target.delete(blob).catch(() => {});
  }
  return {
    directory: request.directory,
    job: spec.id,
    checkpoint,
    takenAtMs: savepoint.takenAtMs,
    bytes: bytesOf(savepoint),
  };
}

interface Copy extends SavepointParts {
  readonly target: BlobStore;
  readonly written: string[];
}

/** A folder with something else in it is somebody's, and not to be strewn with blobs. */
async function assertOurs(directory: string): Promise<void> {
  let names: readonly string[];
  try {
    names = await readdir(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new MillraceError('STORAGE_FAILED', `cannot look into "${directory}"`, {
      hint: 'the path of a savepoint is a directory, or free to become one',
      cause,
    });
  }
  const foreign = names.find((one) => ![SAVEPOINT_FILE, 'state', 'modules'].includes(one));
  if (foreign === undefined || foreign.startsWith('.tmp-')) return;
  throw exists(directory, `holds other files, "${foreign}" for one`);
}

async function findReplaced(
  target: BlobStore,
  { directory, replace }: SavepointRequest,
  job: string,
): Promise<Savepoint | undefined> {
  const names = await target.list(SAVEPOINT_FILE);
  if (!names.includes(SAVEPOINT_FILE)) return undefined;
  if (replace !== true) throw exists(directory, 'holds a savepoint already');
  const before = await readSavepoint(target, directory);
  if (before.job === job) return before;
  throw exists(directory, `holds a savepoint of job "${before.job}"`);
}

function exists(directory: string, what: string): MillraceError {
  return new MillraceError('SAVEPOINT_EXISTS', `"${directory}" ${what}`, {
    hint: 'savepoints are never written over: name another folder',
  });
}

async function copyModules(manifest: Manifest, copy: Copy): Promise<readonly SavedModule[]> {
  const saved = new Map<string, SavedModule>();
  const { modules } = copy.spec;
  for (const version of [...Object.values(manifest.modules), ...Object.values(modules)]) {
    if (saved.has(version.digest)) continue;
    const bytes = await copy.readModule(version);
    const blob = `modules/${version.digest}.wasm`;
    copy.written.push(blob);
    await copy.target.put(blob, bytes);
    const { ref, digest } = version;
    saved.set(digest, { ref, digest, blob, bytes: bytes.length, crc32: crc32(bytes) });
  }
  return [...saved.values()];
}

async function copyOperators(manifest: Manifest, copy: Copy): Promise<readonly SavedOperator[]> {
  const operators: SavedOperator[] = [];
  for (const spec of copy.spec.plan.chains.flatMap((chain) => chain.operators)) {
    const saved = manifest.operators[spec.id];
    const snapshots: TaskSnapshotRef[] = [];
    for (const part of saved.snapshots) {
      snapshots.push(await copyStates(manifest, spec.id, part, copy));
    }
    operators.push({ ...describeOperator(spec), ...withoutTransactions(saved), snapshots });
  }
  return operators;
}

/** They were committed before (V1). */
function withoutTransactions(saved: OperatorManifest): Omit<OperatorManifest, 'transactions'> {
  const { transactions, ...rest } = saved;
  return rest;
}

async function copyStates(
  { job, checkpoint, keyGroups }: Manifest,
  operator: string,
  part: TaskSnapshotRef,
  { storage, target, written }: Copy,
): Promise<TaskSnapshotRef> {
  const states: StateBlobRef[] = [];
  for (const [i, chain] of chainsOf(part).entries()) {
    const { bytes, groups } = await mergeChain(storage, chain, keyGroups);
    const blob = `state/${job}-${checkpoint}/${operator}-${part.task}-${i}.state`;
    written.push(blob);
    await target.put(blob, bytes);
    const { state } = chain[0];
    states.push({ state, blob, bytes: bytes.length, crc32: crc32(bytes), groups });
  }
  return { ...part, states };
}

function describe(parts: {
  readonly request: SavepointRequest;
  readonly manifest: Manifest;
  readonly spec: JobSpec;
  readonly modules: readonly SavedModule[];
  readonly operators: readonly SavedOperator[];
}): Savepoint {
  const { request, manifest, spec, modules, operators } = parts;
  return {
    format: 1,
    job: spec.id,
    checkpoint: manifest.checkpoint,
    takenAtMs: manifest.completedAtMs,
    keyGroups: manifest.keyGroups,
    final: manifest.final,
    baseDirectory: spec.plan.baseDirectory,
    pipeline: request.pipeline,
    aliases: aliasesOf(spec.plan, spec.modules),
    steps: { ...spec.modules, ...manifest.modules },
    modules,
    operators,
  };
}

/** What the document's aliases stood for when the job was submitted, whatever was swapped since. */
function aliasesOf(plan: Plan, modules: StepModules): { readonly [alias: string]: string } {
  const aliases: Record<string, string> = Object.create(null);
  for (const operator of plan.chains.flatMap((chain) => chain.operators)) {
    if (!runsFunction(operator)) continue;
    aliases[operator.function.module] = modules[operator.id].digest;
  }
  return aliases;
}

type Described = Omit<SavedOperator, keyof OperatorManifest>;

function describeOperator(spec: OperatorSpec): Described {
  const facts = operatorFacts(spec);
  return {
    id: spec.id,
    kind: spec.kind,
    connector: facts.connector ?? null,
    options: spec.kind === 'source' ? (spec.options as Json) : null,
    function:
      facts.function === undefined ? null : `${facts.function.module}.${facts.function.name}`,
    input: facts.input ?? null,
    output: facts.output ?? null,
    state: facts.state ?? null,
    key: facts.key,
  };
}

function blobsOf(savepoint: Savepoint): readonly string[] {
  const states = savepoint.operators.flatMap(({ snapshots }) => snapshots.flatMap((s) => s.states));
  return [...savepoint.modules, ...states].map(({ blob }) => blob);
}

function bytesOf(savepoint: Savepoint): number {
  const states = savepoint.operators.flatMap(({ snapshots }) => snapshots.flatMap((s) => s.states));
  return [...savepoint.modules, ...states].reduce((sum, { bytes }) => sum + bytes, 0);
}
