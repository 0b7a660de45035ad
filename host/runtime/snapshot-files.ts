import { crc32 } from 'node:zlib';
import type { Operator, OperatorSnapshot } from '../dataflow/operator.ts';
import { MillraceError } from '../errors.ts';
import type { KeyGroupRange } from '../model/key-group.ts';
import type { KeyedSnapshot } from '../state/state-table.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { StateBlobRef, TaskSnapshotRef } from './manifest.ts';

export interface SnapshotPlace {
  readonly checkpoint: number;
  readonly attempt: number;
  readonly operator: string;
  readonly task: number;
}

/** Blobs of one checkpoint, and nothing else, have names that start so. */
export function checkpointPrefix(checkpoint: number): string {
  return `checkpoints/${checkpoint}/`;
}

/**
 * Makes a task's snapshot of one step durable, one blob per keyed state. Names carry the attempt: an earlier one that does
 * not know yet that it is over writes beside, not over it.
 */
export async function writeSnapshot(
  storage: BlobStore,
  place: SnapshotPlace,
  snapshot: OperatorSnapshot,
): Promise<TaskSnapshotRef> {
  const states: StateBlobRef[] = [];
  for (const [state, keyed] of Object.entries(snapshot.keyed)) {
    const blob = `${checkpointPrefix(place.checkpoint)}${place.operator}-${place.task}-${states.length}-a${place.attempt}.state`;
    await storage.put(blob, keyed.bytes);
    const { bytes, groups } = keyed;
    states.push({ state, blob, bytes: bytes.length, crc32: crc32(bytes), groups });
  }
  return { task: place.task, values: snapshot.values, states };
}

/** Reads a state blob back. Throws `CHECKPOINT_CORRUPT` unless it is what the manifest says, `BLOB_NOT_FOUND`, `STORAGE_FAILED`. */
export async function readStateBlob(storage: BlobStore, ref: StateBlobRef): Promise<KeyedSnapshot> {
  const bytes = await storage.get(ref.blob);
  if (bytes.length !== ref.bytes || crc32(bytes) !== ref.crc32) {
    throw new MillraceError('CHECKPOINT_CORRUPT', `blob "${ref.blob}" is damaged`, {
      hint: 'its length or checksum differs from the manifest; an earlier checkpoint is used if there is one',
    });
  }
  return { bytes, groups: ref.groups };
}

/** Gives an operator its parts of a checkpoint, one after the other: only one is in memory beside the operator's own. */
export async function restoreOperator(
  storage: BlobStore,
  operator: Operator,
  parts: readonly TaskSnapshotRef[],
  range: KeyGroupRange,
): Promise<void> {
  for (const part of parts) {
    const keyed: Record<string, KeyedSnapshot> = Object.create(null);
    for (const ref of part.states) keyed[ref.state] = await readStateBlob(storage, ref);
    operator.restore({ keyed, values: part.values }, range);
  }
}
