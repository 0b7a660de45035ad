import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { createLocalBlobStore } from '../storage/local-blob-store.ts';
import { createS3BlobStore } from '../storage/s3-blob-store.ts';
import { createSplitBlobStore } from '../storage/split-blob-store.ts';
import { readS3Credentials, type StorageLocation } from '../storage/storage-location.ts';
import { writeFileDurably } from '../storage/write-file-durably.ts';

/** Says where the checkpoints of a job are, when they are elsewhere; in the job's directory. Never holds a secret. */
const LOCATION_FILE = 'storage.json';
/** What goes there. Logs, dead letters and updates stay here: people and the server read them as files. */
const FOLDERS = ['checkpoints/', 'attempts/'];

/** Notes, before a job first starts, that its checkpoints are below `location`, under its id. Throws `STORAGE_FAILED`. */
export async function placeCheckpoints(
  directory: string,
  job: string,
  location: StorageLocation,
): Promise<void> {
  const prefix = location.prefix === '' ? job : `${location.prefix}/${job}`;
  const text = JSON.stringify({ ...location, prefix } satisfies StorageLocation);
  await writeFileDurably(join(directory, LOCATION_FILE), new TextEncoder().encode(text));
}

/** Where the checkpoints of the job in `directory` are; undefined = in it. Throws `STORAGE_FAILED`. */
export function checkpointLocation(directory: string): StorageLocation | undefined {
  const path = join(directory, LOCATION_FILE);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as StorageLocation;
  } catch (cause) {
    throw new MillraceError('STORAGE_FAILED', `cannot read "${path}"`, {
      hint: 'it says where the checkpoints of the job are; write it anew as that of another job is',
      cause,
    });
  }
}

/** The blobs of the job in `directory`: all in it, or its checkpoints in S3. Throws `STORAGE_FAILED`. */
export function openJobStorage(directory: string): BlobStore {
  const here = createLocalBlobStore(directory);
  const location = checkpointLocation(directory);
  if (location === undefined) return here;
  const { endpoint, region, bucket, prefix } = location;
  const credentials = credentialsOf(location);
  const there = createS3BlobStore({ endpoint, region, bucket, prefix, credentials });
  return createSplitBlobStore({ folders: FOLDERS, there, here });
}

/** Removes a job's checkpoints from where they are, if that is not its directory. Throws `STORAGE_FAILED`. */
export async function removeFarCheckpoints(directory: string): Promise<void> {
  if (checkpointLocation(directory) === undefined) return;
  const storage = openJobStorage(directory);
  for (const folder of FOLDERS) {
    for (const blob of await storage.list(folder)) await storage.delete(blob);
  }
}

function credentialsOf({ bucket }: StorageLocation) {
  try {
    return readS3Credentials(process.env);
  } catch (cause) {
    throw new MillraceError(
      'STORAGE_FAILED',
      `there are no credentials for the checkpoints in bucket "${bucket}"`,
      {
        hint: 'start the server with --checkpoints, and with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment',
        cause,
      },
    );
  }
}
