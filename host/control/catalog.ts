import type { CatalogVersion, ModuleEntry } from './catalog-index.ts';

/**
 * The modules of a server: immutable versions under a name, their bytes stored once by digest.
 *
 * K1  Only what passed the gate and was tried is stored; nothing of it is compiled in this process.
 * K2  A version never changes: the same bytes again are no change, other bytes are refused, also after a deletion.
 * K3  The blob is durable before the index names it, and leaves after the index forgot it.
 */
export interface Catalog {
  /** Sorted by name. */
  list(): readonly ModuleEntry[];
  /** Throws `MODULE_NOT_FOUND`. */
  module(name: string): ModuleEntry;
  /** `version` is a positive whole number or `latest`. Throws `MODULE_NOT_FOUND`, `NAME_INVALID`. */
  version(name: string, version: string): CatalogVersion;
  /** `name@version` or `name@latest`. Throws as `version` does. */
  resolve(ref: string): CatalogVersion;
  /** Throws the `MODULE_*` errors of the gate, `MODULE_NOT_ADMITTED`, `UPLOADS_BUSY`, `MODULE_EXISTS`, `NAME_INVALID`. */
  put(name: string, version: string, upload: ModuleUpload): Promise<PutResult>;
  /** As the next version, unless the latest has the same bytes. Throws as `put` does. */
  add(name: string, upload: ModuleUpload): Promise<PutResult>;
  /** Throws `MODULE_NOT_FOUND`, and `MODULE_IN_USE` when `usedBy` names a job. */
  delete(name: string, version: string, usedBy: UsedBy): Promise<void>;
  /** The bytes as they were uploaded. */
  bytes(version: CatalogVersion): Promise<Uint8Array>;
  /** Absolute path of the bytes with this digest. */
  pathOf(digest: string): string;
  /** When the server ends. */
  close(): Promise<void>;
}

export interface ModuleUpload {
  readonly wasm: Uint8Array;
}

export interface PutResult {
  readonly version: CatalogVersion;
  /** False when the same bytes were there already. */
  readonly created: boolean;
}

/** Jobs that refer to a version. */
export type UsedBy = (version: CatalogVersion) => readonly string[];
