import { createStateTable } from '../state/create-state-table.ts';
import type { KeyedSnapshot } from '../state/state-table.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { StateBlobRef } from './manifest.ts';
import { readStateBlob } from './snapshot-files.ts';

/**
 * Reads a keyed state back as one snapshot of everything, whatever chain of changes it was written as. Throws `CHECKPOINT_CORRUPT`,
 * `BLOB_NOT_FOUND`, `STORAGE_FAILED`.
 */
export async function mergeChain(
  storage: BlobStore,
  chain: readonly StateBlobRef[],
  keyGroups: number,
): Promise<KeyedSnapshot> {
  if (chain.length === 1) return await readStateBlob(storage, chain[0]);
  const range = { start: 0, end: keyGroups };
  // What the keys are made of is the operator's business: composite takes them as they are.
  const options = { keyGroups, range, bytesMax: Number.MAX_SAFE_INTEGER, composite: true };
  const table = createStateTable(options);
  try {
    for (const ref of chain) table.restore(await readStateBlob(storage, ref), range);
    return table.snapshot();
  } finally {
    table.close();
  }
}
