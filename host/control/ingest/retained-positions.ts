import type { Split } from '../../connectors/source.ts';
import { manifestName } from '../../runtime/checkpoint-names.ts';
import { createCheckpointStore } from '../../runtime/checkpoint-store.ts';
import { openJobStorage } from '../../runtime/job-storage.ts';
import { readManifest } from '../../runtime/read-manifest.ts';

/** The splits of each source, by operator id, as the oldest checkpoint that is kept has them; undefined while there is none. */
export type RetainedPositions = (
  directory: string,
  job: string,
) => Promise<((source: string) => readonly Split[]) | undefined>;

/** Reads them from the checkpoints in a job's directory. Throws `CHECKPOINT_CORRUPT`, `STORAGE_FAILED`, `BLOB_NOT_FOUND`. */
export const readRetainedPositions: RetainedPositions = async (directory, job) => {
  const storage = openJobStorage(directory);
  const [oldest] = await createCheckpointStore(storage, { job, attempt: 0 }).completed();
  if (oldest === undefined) return undefined;
  const { checkpoint } = oldest;
  const bytes = await storage.get(manifestName(oldest));
  const { operators } = readManifest(bytes, { job, checkpoint });
  return (source) => (Object.hasOwn(operators, source) ? operators[source].splits : []);
};
