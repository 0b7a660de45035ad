import { MillraceError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { encodeManifest } from './encode-manifest.ts';
import type { Manifest } from './manifest.ts';
import { readManifest } from './read-manifest.ts';
import { checkpointPrefix, readStateBlob } from './snapshot-files.ts';

const MANIFEST = 'manifest.json';
const DEAD_LETTERS = 'dead-letters.jsonl';
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
  /** Removes a checkpoint, its manifest first: half a checkpoint is none. */
  remove(checkpoint: number): Promise<void>;
}

export function createCheckpointStore(storage: BlobStore, job: string): CheckpointStore {
  async function list(): Promise<
    readonly { readonly checkpoint: number; readonly name: string }[]
  > {
    const names = await storage.list('checkpoints/');
    return names.flatMap((blob) => {
      const match = CHECKPOINT_BLOB.exec(blob);
      return match === null ? [] : [{ checkpoint: Number(match[1]), name: match[2] }];
    });
  }
  return {
    numbers: async () => sorted((await list()).map((one) => one.checkpoint)),
    completed: async () =>
      sorted((await list()).filter((one) => one.name === MANIFEST).map((one) => one.checkpoint)),
    async verify(checkpoint) {
      const bytes = await storage.get(`${checkpointPrefix(checkpoint)}${MANIFEST}`);
      const manifest = readManifest(bytes, { job, checkpoint });
      for (const { snapshots } of Object.values(manifest.operators)) {
        for (const ref of snapshots.flatMap((one) => one.states)) await readStateBlob(storage, ref);
      }
      return manifest;
    },
    async complete(manifest, deadLetters) {
      const prefix = checkpointPrefix(manifest.checkpoint);
      if (deadLetters !== '') await storage.put(`${prefix}${DEAD_LETTERS}`, utf8(deadLetters));
      await storage.put(`${prefix}${MANIFEST}`, encodeManifest(manifest));
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
    async remove(checkpoint) {
      const prefix = checkpointPrefix(checkpoint);
      await storage.delete(`${prefix}${MANIFEST}`);
      for (const blob of await storage.list(prefix)) await storage.delete(blob);
    },
  };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function sorted(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
