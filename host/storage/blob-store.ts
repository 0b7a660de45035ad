/**
 * Named immutable bytes. Names are paths of `[A-Za-z0-9._-]+` parts joined by `/`; no part starts with a dot.
 *
 * B1  After `put` resolves the bytes survive a crash of process and machine.
 * B2  A reader sees a blob whole or not at all.
 * B3  Nothing is ever changed in place.
 */
export interface BlobStore {
  /** Writes a blob; an existing one of that name is replaced whole. Throws `STORAGE_FAILED` (its `cause` tells disk full, read-only, …). */
  put(name: string, bytes: Uint8Array | readonly Uint8Array[]): Promise<void>;
  /**
   * Writes a blob unless there is one of that name, and answers whether it did. Of several writers at once, in whatever process, one is
   * told so; their bytes must differ. Throws `STORAGE_FAILED`; whether the blob is there is then unknown.
   */
  create(name: string, bytes: Uint8Array): Promise<boolean>;
  /** Throws `BLOB_NOT_FOUND`, `STORAGE_FAILED`. */
  get(name: string): Promise<Uint8Array>;
  /** Names that start with `prefix`, sorted. */
  list(prefix: string): Promise<readonly string[]>;
  /** Removes a blob; removing what is not there is no error. */
  delete(name: string): Promise<void>;
}
