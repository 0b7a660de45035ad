import type { Split } from '../../connectors/source.ts';
import { createCheckpointStore } from '../../runtime/checkpoint-store.ts';
import { readManifest } from '../../runtime/read-manifest.ts';
import { checkpointPrefix } from '../../runtime/snapshot-files.ts';
import { createLocalBlobStore } from '../../storage/local-blob-store.ts';

/** The splits of each source, by operator id, as the oldest checkpoint that is kept has them; undefined while there is none. */
export type RetainedPositions = (
  directory: string,
  job: string,
) => Promise<((source: string) => readonly Split[]) | undefined>;

/** Reads them from the checkpoints in a job's directory. Throws `CHECKPOINT_CORRUPT`, `STORAGE_FAILED`, `BLOB_NOT_FOUND`. */
export const readRetainedPositions: RetainedPositions = async (directory, job) => {
  const storage = createLocalBlobStore(directory);
  const [checkpoint] = await createCheckpointStore(storage, job).completed();
  if (checkpoint === undefined) return undefined;
  const bytes = await storage.get(`${checkpointPrefix(checkpoint)}manifest.json`);
  const { operators } = readManifest(bytes, { job, checkpoint });
  return (source) => (Object.hasOwn(operators, source) ? operators[source].splits : []);
};
