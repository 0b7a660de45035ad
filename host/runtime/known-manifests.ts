import { MillraceError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { type CheckpointName, manifestName } from './checkpoint-names.ts';
import type { Manifest } from './manifest.ts';
import { blobsOf } from './manifest-blobs.ts';
import { readManifest } from './read-manifest.ts';

/** What an attempt knows of the manifests in its storage: which attempt wrote that of a checkpoint, and the state blobs that it names. */
export class KnownManifests {
  readonly #storage: BlobStore;
  readonly #job: string;
  readonly #attempt: number;
  readonly #writers = new Map<number, number>();
  readonly #named = new Map<number, ReadonlySet<string>>();

  constructor(
    storage: BlobStore,
    { job, attempt }: { readonly job: string; readonly attempt: number },
  ) {
    this.#storage = storage;
    this.#job = job;
    this.#attempt = attempt;
  }

  found({ checkpoint, attempt }: CheckpointName): void {
    this.#writers.set(checkpoint, attempt);
  }

  wrote(manifest: Manifest): void {
    this.#writers.set(manifest.checkpoint, manifest.attempt);
    this.#named.set(manifest.checkpoint, namesOf(manifest));
  }

  /** Throws `CHECKPOINT_CORRUPT`, `BLOB_NOT_FOUND`, `STORAGE_FAILED`. */
  async read(name: CheckpointName): Promise<Manifest> {
    const bytes = await this.#storage.get(manifestName(name));
    const { checkpoint } = name;
    const manifest = readManifest(bytes, { job: this.#job, checkpoint });
    this.found(name);
    return manifest;
  }

  /**
   * State blobs that these checkpoints need; of others nothing is remembered. A manifest that is damaged or gone needs nothing:
   * nobody will ever start from it. Throws `STORAGE_FAILED`.
   */
  async neededBy(kept: readonly number[]): Promise<ReadonlySet<string>> {
    for (const known of [...this.#named.keys()]) {
      if (!kept.includes(known)) this.#named.delete(known);
    }
    const needed = new Set<string>();
    for (const checkpoint of kept) {
      const names = this.#named.get(checkpoint) ?? (await this.#readNames(checkpoint));
      this.#named.set(checkpoint, names);
      for (const name of names) needed.add(name);
    }
    return needed;
  }

  async #readNames(checkpoint: number): Promise<ReadonlySet<string>> {
    const attempt = this.#writers.get(checkpoint) ?? this.#attempt;
    try {
      return namesOf(await this.read({ checkpoint, attempt }));
    } catch (thrown) {
      const { code } = MillraceError.from(thrown);
      if (code !== 'CHECKPOINT_CORRUPT' && code !== 'BLOB_NOT_FOUND') throw thrown;
      return new Set();
    }
  }
}

function namesOf(manifest: Manifest): ReadonlySet<string> {
  return new Set(blobsOf(manifest).map(({ blob }) => blob));
}
