import { crc32 } from 'node:zlib';
import type { Operator } from '../dataflow/operator.ts';
import { MillraceError } from '../errors.ts';
import type { KeyGroupRange } from '../model/key-group.ts';
import type { KeyedSnapshot } from '../state/state-table.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { StateBlobRef, TaskSnapshotRef } from './manifest.ts';
import { chainsOf } from './manifest-blobs.ts';

/** Reads a state blob back. Throws `CHECKPOINT_CORRUPT` unless it is what the manifest says, `BLOB_NOT_FOUND`, `STORAGE_FAILED`. */
export async function readStateBlob(storage: BlobStore, ref: StateBlobRef): Promise<KeyedSnapshot> {
  const bytes = await storage.get(ref.blob);
  if (bytes.length !== ref.bytes || crc32(bytes) !== ref.crc32) {
    throw new MillraceError('CHECKPOINT_CORRUPT', `blob "${ref.blob}" is damaged`, {
      hint: 'its length or checksum differs from the manifest; an earlier checkpoint is used if there is one',
    });
  }
  const { groups, changes } = ref;
  return changes === true ? { bytes, groups, changes } : { bytes, groups };
}

/**
 * Gives an operator its parts of a checkpoint, one after the other: only one is in memory beside the operator's own. Where states
 * are chains of changes, the oldest blob of each comes first, with the values.
 */
export async function restoreOperator(
  storage: BlobStore,
  operator: Operator,
  parts: readonly TaskSnapshotRef[],
  range: KeyGroupRange,
): Promise<void> {
  for (const part of parts) {
    const chains = chainsOf(part);
    const links = Math.max(1, ...chains.map((chain) => chain.length));
    for (let link = 0; link < links; link++) {
      const keyed: Record<string, KeyedSnapshot> = Object.create(null);
      for (const chain of chains) {
        if (link < chain.length)
          keyed[chain[link].state] = await readStateBlob(storage, chain[link]);
      }
      operator.restore({ keyed, values: link === 0 ? part.values : null }, range);
    }
  }
}
