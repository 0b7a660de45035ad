import { MillraceError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { encodeManifest } from './encode-manifest.ts';
import type { Manifest } from './manifest.ts';
import { blobsOf } from './manifest-blobs.ts';
import { readManifest } from './read-manifest.ts';
import { checkpointPrefix, readStateBlob } from './snapshot-files.ts';

const MANIFEST = 'manifest.json';
const DEAD_LETTERS = 'dead-letters.jsonl';
const STATE = '.state';
const CHECKPOINT_BLOB = /^checkpoints\/(\d+)\/(.+)$/;

/** A job's checkpoints in its blob store. A checkpoint exists when its manifest does. */
export interface CheckpointStore {
  /** Numbers of all checkpoints of which anything is there, complete or not, in order. */
  numbers(): Promise<readonly number[]>;
  /** Numbers of those with a manifest, in order. */
  completed(): Promise<readonly number[]>;
  /** Reads a manifest and every blob that it names. Throws `CHECKPOINT_CORRUPT`, `BLOB_NOT_FOUND`, `STORAGE_FAILED`. */
  verify(checkpoint: number): Promise<Manifest>;
  /** Writes the dead letters, then the manifest: after this the checkpoint exists. Throws `STORAGE_FAILED`. */
  complete(manifest: Manifest, deadLetters: string): Promise<void>;
  /** Lines of dead letters of a completed checkpoint; empty when it has none. */
  deadLetters(checkpoint: number): Promise<string>;
  /** Removes all blobs of a checkpoint that was given up, that no manifest names and nobody builds on. */
  discard(checkpoint: number): Promise<void>;
  /**
   * Removes what the completed checkpoints `kept`, in order, have no need of: manifests first, since half a checkpoint is none, then every
   * blob up to the newest of them that none of their manifests names. Throws `STORAGE_FAILED`; what it did not get to is removed the next time.
   */
  retain(kept: readonly number[]): Promise<void>;
}

export function createCheckpointStore(storage: BlobStore, job: string): CheckpointStore {
  /** Blobs that a manifest names, by its checkpoint: of those that were read or written here. */
  const named = new Map<number, ReadonlySet<string>>();
  async function list(): Promise<
    readonly { readonly checkpoint: number; readonly name: string }[]
  > {
    const names = await storage.list('checkpoints/');
    return names.flatMap((blob) => {
      const match = CHECKPOINT_BLOB.exec(blob);
      return match === null ? [] : [{ checkpoint: Number(match[1]), name: match[2] }];
    });
  }
  async function read(checkpoint: number): Promise<Manifest> {
    const bytes = await storage.get(`${checkpointPrefix(checkpoint)}${MANIFEST}`);
    return readManifest(bytes, { job, checkpoint });
  }
  /** A manifest that is damaged or gone needs nothing: nobody will ever start from it. */
  async function neededBy(kept: readonly number[]): Promise<ReadonlySet<string>> {
    const needed = new Set<string>();
    for (const checkpoint of kept) {
      let names = named.get(checkpoint);
      try {
        names ??= namesOf(await read(checkpoint));
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
    numbers: async () => sorted((await list()).map((one) => one.checkpoint)),
    completed: async () =>
      sorted((await list()).filter((one) => one.name === MANIFEST).map((one) => one.checkpoint)),
    async verify(checkpoint) {
      const manifest = await read(checkpoint);
      for (const ref of blobsOf(manifest)) await readStateBlob(storage, ref);
      return manifest;
    },
    async complete(manifest, deadLetters) {
      const prefix = checkpointPrefix(manifest.checkpoint);
      if (deadLetters !== '') await storage.put(`${prefix}${DEAD_LETTERS}`, utf8(deadLetters));
      await storage.put(`${prefix}${MANIFEST}`, encodeManifest(manifest));
      named.set(manifest.checkpoint, namesOf(manifest));
    },
    async deadLetters(checkpoint) {
      try {
        const bytes = await storage.get(`${checkpointPrefix(checkpoint)}${DEAD_LETTERS}`);
        return new TextDecoder().decode(bytes);
      } catch (thrown) {
        if (MillraceError.from(thrown).code === 'BLOB_NOT_FOUND') return '';
        throw thrown;
      }
    },
    async discard(checkpoint) {
      for (const blob of await storage.list(checkpointPrefix(checkpoint))) {
        await storage.delete(blob);
      }
    },
    async retain(kept) {
      const newest = kept.at(-1);
      if (newest === undefined) return;
      for (const known of [...named.keys()]) if (!kept.includes(known)) named.delete(known);
      const needed = await neededBy(kept);
      const old = (await list()).filter((one) => one.checkpoint <= newest);
      const removable = old.filter(({ checkpoint, name }) =>
        name.endsWith(STATE)
          ? !needed.has(`${checkpointPrefix(checkpoint)}${name}`)
          : !kept.includes(checkpoint),
      );
      removable.sort((a, b) => Number(b.name === MANIFEST) - Number(a.name === MANIFEST));
      for (const { checkpoint, name } of removable) {
        await storage.delete(`${checkpointPrefix(checkpoint)}${name}`);
      }
    },
  };
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
