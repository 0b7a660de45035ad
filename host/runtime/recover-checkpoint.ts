import { MillraceError } from '../errors.ts';
import type { AttemptFence } from './attempt-fence.ts';
import type { CheckpointName } from './checkpoint-names.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { Manifest } from './manifest.ts';

export interface Recovered {
  /** The newest checkpoint that can be read back; undefined = the job begins at the beginning. */
  readonly manifest: Manifest | undefined;
  /** It and those before it, in order. */
  readonly counted: readonly CheckpointName[];
  /** What newer checkpoints were passed over for, a sentence each, newest first. */
  readonly passedOver: readonly string[];
  /** The number that the next checkpoint gets: above every number of which anything is there. */
  readonly nextCheckpoint: number;
}

/**
 * Finds the newest checkpoint that reads back and validates. A damaged one is passed over; if
 * there are checkpoints and none can be read, the job must not begin anew as if there were none: throws `CHECKPOINT_CORRUPT`.
 * What is returned survives every crash.
 */
export async function recoverCheckpoint(
  store: CheckpointStore,
  fence: Pick<AttemptFence, 'counts'>,
  keyGroups: number,
): Promise<Recovered> {
  // Only now that the fence is there: whoever completes a checkpoint after this look knows that he is fenced.
  const completed = (await store.completed()).filter((name) => fence.counts(name));
  const nextCheckpoint = ((await store.numbers()).at(-1) ?? 0) + 1;
  const passedOver: string[] = [];
  for (const [i, name] of [...completed.entries()].toReversed()) {
    let manifest: Manifest;
    try {
      manifest = await store.verify(name);
    } catch (thrown) {
      const { code, message } = MillraceError.from(thrown);
      if (code !== 'CHECKPOINT_CORRUPT' && code !== 'BLOB_NOT_FOUND') throw thrown;
      passedOver.push(`checkpoint ${name.checkpoint} is passed over: ${message}`);
      continue;
    }
    if (manifest.keyGroups !== keyGroups) throw otherKeyGroups(manifest, keyGroups);
    // Whoever wrote it may have died between its name and the name's sync: it is there to read, and a crash of the machine
    // could still take it away, after its sinks have committed.
    await store.complete(manifest, '');
    return { manifest, counted: completed.slice(0, i + 1), passedOver, nextCheckpoint };
  }
  if (completed.length === 0) {
    return { manifest: undefined, counted: [], passedOver, nextCheckpoint };
  }
  throw new MillraceError('CHECKPOINT_CORRUPT', 'no checkpoint of the job can be read back', {
    details: passedOver,
    hint: 'put the missing files back, restore a savepoint, or submit the job anew',
  });
}

function otherKeyGroups(manifest: Manifest, keyGroups: number): MillraceError {
  return new MillraceError(
    'SAVEPOINT_INCOMPATIBLE',
    `checkpoint ${manifest.checkpoint} has ${manifest.keyGroups} key groups, the pipeline ${keyGroups}`,
    { hint: 'the number of key groups is fixed when a job first runs' },
  );
}
