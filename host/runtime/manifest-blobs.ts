import type { Manifest, StateBlobRef, TaskSnapshotRef } from './manifest.ts';

/** Every blob that a manifest needs, those that earlier checkpoints wrote included. */
export function blobsOf(manifest: Manifest): readonly StateBlobRef[] {
  return Object.values(manifest.operators).flatMap(({ snapshots }) =>
    snapshots.flatMap((one) => one.states),
  );
}

/** The blobs of each keyed state of a part, from the one with everything to the newest changes. */
export function chainsOf(part: TaskSnapshotRef): readonly (readonly StateBlobRef[])[] {
  const chains = new Map<string, StateBlobRef[]>();
  for (const ref of part.states) chains.set(ref.state, [...(chains.get(ref.state) ?? []), ref]);
  return [...chains.values()];
}
