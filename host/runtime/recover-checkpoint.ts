import { MillraceError } from '../errors.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { Manifest } from './manifest.ts';
import type { LogEntry } from './worker-protocol.ts';

export interface Recovered {
  /** The newest checkpoint that can be read back; undefined = the job begins at the beginning. */
  readonly manifest: Manifest | undefined;
  /** The number that the next checkpoint gets: above every number of which anything is there. */
  readonly nextCheckpoint: number;
}

/**
 * Finds the newest checkpoint that reads back and validates. A damaged one is passed over, and the log says so; if
 * there are checkpoints and none can be read, the job must not begin anew as if there were none: throws `CHECKPOINT_CORRUPT`.
 * What is returned survives every crash.
 */
export async function recoverCheckpoint(
  store: CheckpointStore,
  keyGroups: number,
  log: (entry: LogEntry) => void,
): Promise<Recovered> {
  const numbers = await store.numbers();
  const nextCheckpoint = (numbers.at(-1) ?? 0) + 1;
  const completed = await store.completed();
  for (const checkpoint of completed.toReversed()) {
    let manifest: Manifest;
    try {
      manifest = await store.verify(checkpoint);
    } catch (thrown) {
      const { code, message } = MillraceError.from(thrown);
      if (code !== 'CHECKPOINT_CORRUPT' && code !== 'BLOB_NOT_FOUND') throw thrown;
      log({ level: 'error', text: `checkpoint ${checkpoint} is passed over: ${message}` });
      continue;
    }
    if (manifest.keyGroups !== keyGroups) throw otherKeyGroups(manifest, keyGroups);
    // Whoever wrote it may have died between its name and the name's sync: it is there to read, and a crash of the machine
    // could still take it away, after its sinks have committed.
    await store.complete(manifest, '');
    log({ level: 'info', text: `restoring checkpoint ${checkpoint}` });
    return { manifest, nextCheckpoint };
  }
  if (completed.length === 0) return { manifest: undefined, nextCheckpoint };
  throw new MillraceError('CHECKPOINT_CORRUPT', 'no checkpoint of the job can be read back', {
    details: completed.map((checkpoint) => `checkpoint ${checkpoint} is damaged`),
    hint: "the job's log says what is wrong with each; restore a savepoint, or submit the job anew",
  });
}

function otherKeyGroups(manifest: Manifest, keyGroups: number): MillraceError {
  return new MillraceError(
    'SAVEPOINT_INCOMPATIBLE',
    `checkpoint ${manifest.checkpoint} has ${manifest.keyGroups} key groups, the pipeline ${keyGroups}`,
    { hint: 'the number of key groups is fixed when a job first runs' },
  );
}
