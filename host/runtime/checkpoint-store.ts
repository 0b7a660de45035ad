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
import type { Manifest } from './manifest.ts';
import { blobsOf } from './manifest-blobs.ts';
import { readManifest } from './read-manifest.ts';
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
  { job, attempt }: { readonly job: string; readonly attempt: number },
): CheckpointStore {
  /** Manifests that were read or written here: the attempts that wrote them, and the blobs they name. */
  const writers = new Map<number, number>();
  const named = new Map<number, ReadonlySet<string>>();
  const list = () => storage.list(FOLDER);

  async function read(name: CheckpointName): Promise<Manifest> {
    const bytes = await storage.get(manifestName(name));
    const manifest = readManifest(bytes, { job, checkpoint: name.checkpoint });
    writers.set(name.checkpoint, name.attempt);
    return manifest;
  }
  /** A manifest that is damaged or gone needs nothing: nobody will ever start from it. */
  async function neededBy(kept: readonly number[]): Promise<ReadonlySet<string>> {
    const needed = new Set<string>();
    for (const checkpoint of kept) {
      let names = named.get(checkpoint);
      try {
        const writer = writers.get(checkpoint) ?? attempt;
        names ??= namesOf(await read({ checkpoint, attempt: writer }));
      } catch (thrown) {
        const { code } = MillraceError.from(thrown);
        if (code !== 'CHECKPOINT_CORRUPT' && code !== 'BLOB_NOT_FOUND') throw thrown;
        names = new Set();
      }
      named.set(checkpoint, names);
      for (const name of names) needed.add(name);
    }
    return needed;
  }
  return {
    async numbers() {
      return sorted((await list()).flatMap((blob) => checkpointOf(blob) ?? []));
    },
    async completed() {
      const names = (await list()).flatMap((blob) => readManifestName(blob) ?? []);
      for (const name of names) writers.set(name.checkpoint, name.attempt);
      return names.sort((a, b) => a.checkpoint - b.checkpoint || a.attempt - b.attempt);
    },
    async verify(name) {
      const manifest = await read(name);
      for (const ref of blobsOf(manifest)) await readStateBlob(storage, ref);
      return manifest;
    },
    async complete(manifest, deadLetters) {
      if (deadLetters !== '') await storage.put(deadLettersName(manifest), utf8(deadLetters));
      await storage.put(manifestName(manifest), encodeManifest(manifest));
      writers.set(manifest.checkpoint, manifest.attempt);
      named.set(manifest.checkpoint, namesOf(manifest));
    },
    async deadLetters(name) {
      try {
        return new TextDecoder().decode(await storage.get(deadLettersName(name)));
      } catch (thrown) {
        if (MillraceError.from(thrown).code === 'BLOB_NOT_FOUND') return '';
        throw thrown;
      }
    },
    discard: (checkpoint) => discard(storage, { checkpoint, attempt }),
    async retain(kept) {
      const newest = kept.at(-1);
      if (newest === undefined) return;
      for (const known of [...named.keys()]) if (!kept.includes(known)) named.delete(known);
      const needed = await neededBy(kept);
      const old = (await list()).filter((blob) => (checkpointOf(blob) ?? newest + 1) <= newest);
      for (const blob of removableOf(old, kept, needed)) await storage.delete(blob);
    },
  };
}

async function discard(storage: BlobStore, name: CheckpointName): Promise<void> {
  const blobs = await storage.list(checkpointPrefix(name.checkpoint));
  if (blobs.includes(manifestName(name))) return;
  for (const blob of blobs) if (attemptOf(blob) <= name.attempt) await storage.delete(blob);
}

/** Manifests first. */
function removableOf(
  old: readonly string[],
  kept: readonly number[],
  needed: ReadonlySet<string>,
): readonly string[] {
  const removable = old.filter((blob) =>
    blob.endsWith(STATE) ? !needed.has(blob) : !kept.includes(checkpointOf(blob) ?? 0),
  );
  const isManifest = (blob: string) => Number(readManifestName(blob) !== undefined);
  return removable.sort((a, b) => isManifest(b) - isManifest(a));
}

function namesOf(manifest: Manifest): ReadonlySet<string> {
  return new Set(blobsOf(manifest).map(({ blob }) => blob));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function sorted(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
