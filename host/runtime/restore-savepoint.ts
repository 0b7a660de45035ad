import type { StepModules } from '../dataflow/plan.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { checkpointPrefix, manifestName } from './checkpoint-names.ts';
import { encodeManifest } from './encode-manifest.ts';
import { type FitOptions, fitSavepoint } from './fit-savepoint.ts';
import type { Manifest, OperatorManifest, TaskSnapshotRef } from './manifest.ts';
import type { Savepoint } from './savepoint.ts';
import { readSavedState } from './savepoint-file.ts';

export interface RestoreOptions extends FitOptions {
  readonly savepoint: Savepoint;
  /** The savepoint's folder. */
  readonly from: BlobStore;
  /** The directory of the new job, which has not run yet. */
  readonly to: BlobStore;
  /** The new job. */
  readonly job: string;
  /** What its steps run. */
  readonly modules: StepModules;
}

/** The first checkpoint of a job that begins with a savepoint. */
const FIRST_CHECKPOINT = 1;

/**
 * Makes a savepoint the first checkpoint of a new job, which then starts as if it recovered. The bytes are copied and checked;
 * the manifest comes last, so a job whose restore was cut off has no checkpoint.
 * Throws `SAVEPOINT_INCOMPATIBLE`, `CHECKPOINT_CORRUPT`, `STORAGE_FAILED`.
 */
export async function restoreSavepoint(options: RestoreOptions): Promise<void> {
  const { savepoint, to, job, modules } = options;
  const fitted = await fitSavepoint(savepoint, options);
  const operators: Record<string, OperatorManifest> = Object.create(null);
  for (const [id, operator] of Object.entries(fitted.operators)) {
    const snapshots: TaskSnapshotRef[] = [];
    for (const part of operator.snapshots) snapshots.push(await copyPart(id, part, options));
    operators[id] = { ...operator, snapshots };
  }
  const manifest: Manifest = {
    format: 1,
    job,
    checkpoint: FIRST_CHECKPOINT,
    attempt: 0,
    completedAtMs: savepoint.takenAtMs,
    keyGroups: savepoint.keyGroups,
    modules,
    operators,
    final: fitted.final,
  };
  await to.put(manifestName(manifest), encodeManifest(manifest));
}

async function copyPart(
  operator: string,
  part: TaskSnapshotRef,
  { from, to }: RestoreOptions,
): Promise<TaskSnapshotRef> {
  const states = [];
  for (const [i, ref] of part.states.entries()) {
    const { bytes } = await readSavedState(from, ref);
    const blob = `${checkpointPrefix(FIRST_CHECKPOINT)}${operator}-${part.task}-${i}-a0.state`;
    await to.put(blob, bytes);
    states.push({ ...ref, blob });
  }
  return { ...part, states };
}
