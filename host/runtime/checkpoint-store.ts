import { MillraceError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import {
  attemptOf,
  type CheckpointName,
  checkpointOf,
  checkpointPrefix,
  deadLettersName,
  manifestName,
  readManifestName,
} from './checkpoint-names.ts';
import { encodeManifest } from './encode-manifest.ts';
import { readInFlight } from './in-flight-files.ts';
import { KnownManifests } from './known-manifests.ts';
import type { Manifest } from './manifest.ts';
import { blobsOf } from './manifest-blobs.ts';
import { readStateBlob } from './snapshot-files.ts';

const FOLDER = 'checkpoints/';
const STATE = '.state';

/** A job's checkpoints in its blob store. A checkpoint exists when its manifest does. */
export interface CheckpointStore {
  /** Numbers of all checkpoints of which anything is there, complete or not, in order. */
  numbers(): Promise<readonly number[]>;
  /** Those with a manifest, in order; also of attempts that do not count. */
  completed(): Promise<readonly CheckpointName[]>;
  /** Reads a manifest and every blob that it names. Throws `CHECKPOINT_CORRUPT`, `BLOB_NOT_FOUND`, `STORAGE_FAILED`. */
  verify(name: CheckpointName): Promise<Manifest>;
  /** Writes the dead letters, then the manifest: after this the checkpoint exists. Throws `STORAGE_FAILED`. */
  complete(manifest: Manifest, deadLetters: string): Promise<void>;
  /** Lines of dead letters of a completed checkpoint; empty when it has none. */
  deadLetters(name: CheckpointName): Promise<string>;
  /**
   * Removes all blobs of a checkpoint that was given up, that no manifest names and nobody builds on. What a later attempt has under that
   * number is its own; and a manifest that did come into being stays, with what it names: a later attempt may have begun with it.
   */
  discard(checkpoint: number): Promise<void>;
  /**
   * Removes what the completed checkpoints `kept`, in order, have no need of: manifests first, since half a checkpoint is none, then every
   * blob up to the newest of them that none of their manifests names. Throws `STORAGE_FAILED`; what it did not get to is removed the next time.
   */
  retain(kept: readonly number[]): Promise<void>;
}

/** The checkpoints of a job in `storage`, as one attempt sees them. */
export function createCheckpointStore(
  storage: BlobStore,
  writer: { readonly job: string; readonly attempt: number },
): CheckpointStore {
  const known = new KnownManifests(storage, writer);
  const { attempt } = writer;
  const list = () => storage.list(FOLDER);
  return {
    async numbers() {
      return sorted((await list()).flatMap((blob) => checkpointOf(blob) ?? []));
    },
    async completed() {
      const names = (await list()).flatMap((blob) => readManifestName(blob) ?? []);
      for (const name of names) known.found(name);
      return names.sort((a, b) => a.checkpoint - b.checkpoint || a.attempt - b.attempt);
    },
    async verify(name) {
      const manifest = await known.read(name);
      for (const ref of blobsOf(manifest)) await readStateBlob(storage, ref);
      for (const ref of manifest.inFlight ?? []) await readInFlight(storage, ref);
      return manifest;
    },
    async complete(manifest, deadLetters) {
      if (deadLetters !== '') await storage.put(deadLettersName(manifest), utf8(deadLetters));
      await storage.put(manifestName(manifest), encodeManifest(manifest));
      known.wrote(manifest);
    },
    async deadLetters(name) {
      try {
        return new TextDecoder().decode(await storage.get(deadLettersName(name)));
      } catch (thrown) {
        if (MillraceError.from(thrown).code === 'BLOB_NOT_FOUND') return '';
        throw thrown;
      }
    },
    async discard(checkpoint) {
      const blobs = await storage.list(checkpointPrefix(checkpoint));
      if (blobs.includes(manifestName({ checkpoint, attempt }))) return;
      for (const blob of blobs) if (attemptOf(blob) <= attempt) await storage.delete(blob);
    },
    async retain(kept) {
      const newest = kept.at(-1);
      if (newest === undefined) return;
      const needed = await known.neededBy(kept);
      const removable = (await list()).filter((blob) => {
        const checkpoint = checkpointOf(blob) ?? Number.POSITIVE_INFINITY;
        if (checkpoint > newest) return false;
        return blob.endsWith(STATE) ? !needed.has(blob) : !kept.includes(checkpoint);
      });
      const isManifest = (blob: string) => Number(readManifestName(blob) !== undefined);
      removable.sort((a, b) => isManifest(b) - isManifest(a));
      for (const blob of removable) await storage.delete(blob);
    },
  };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function sorted(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
