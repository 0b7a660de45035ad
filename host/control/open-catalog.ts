import { join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { assertName } from '../model/name.ts';
import type { GateReport } from '../sandbox/guest.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Catalog, ModuleUpload, PutResult, UsedBy } from './catalog.ts';
import {
  type AdmissionReport,
  type CatalogIndex,
  type CatalogVersion,
  entryOf,
  findModule,
  findVersion,
  isReferenced,
  liveModules,
  nextVersion,
  parseVersion,
  resolveVersion,
  withoutVersion,
  withVersion,
} from './catalog-index.ts';
import type { GateUpload } from './gate-thread.ts';
import { createMutex } from './mutex.ts';
import type { TryUpload } from './try-upload.ts';

export interface CatalogOptions {
  /** Absolute; the blob store's own. */
  readonly directory: string;
  readonly blobs: BlobStore;
  readonly gate: GateUpload;
  readonly tryUpload: TryUpload;
  readonly nowMs: () => number;
  /** Ends what gates and tries uploads. */
  readonly close?: () => Promise<void>;
}

const INDEX_BLOB = 'index.json';

/** Opens the catalog of a data directory, which may be empty. Throws `DATA_DIRECTORY` when its index is damaged. */
export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  return new BlobCatalog(options, await readIndex(options.blobs));
}

/** The index in memory is the one on disk; writes go one at a time. */
class BlobCatalog implements Catalog {
  readonly #options: CatalogOptions;
  readonly #exclusive = createMutex();
  #index: CatalogIndex;

  constructor(options: CatalogOptions, index: CatalogIndex) {
    this.#options = options;
    this.#index = index;
  }

  list() {
    return liveModules(this.#index);
  }

  module(name: string) {
    return findModule(this.#index, name);
  }

  version(name: string, version: string) {
    return findVersion(this.#index, name, version);
  }

  resolve(ref: string) {
    return resolveVersion(this.#index, ref);
  }

  async put(name: string, version: string, upload: ModuleUpload) {
    assertName('module', name);
    const number = parseVersion(version);
    return this.#admit(name, () => number, upload);
  }

  async add(name: string, upload: ModuleUpload) {
    assertName('module', name);
    const next = (digest: string) => nextVersion(entryOf(this.#index, name), digest);
    return this.#admit(name, next, upload);
  }

  delete(name: string, text: string, usedBy: UsedBy) {
    return this.#exclusive(async () => {
      const version = this.version(name, text);
      assertUnused(version, usedBy(version));
      await this.#save(withoutVersion(this.#index, version));
      if (isReferenced(this.#index, version.digest)) return;
      await this.#options.blobs.delete(wasmBlob(version.digest));
    });
  }

  bytes(version: CatalogVersion) {
    return this.#options.blobs.get(wasmBlob(version.digest));
  }

  async close() {
    await this.#options.close?.();
  }

  pathOf(digest: string) {
    return join(this.#options.directory, wasmBlob(digest));
  }

  /** Gates and tries an upload beside others, then stores it when it is its turn. What is there already is not tried again. */
  async #admit(
    name: string,
    numberFor: (digest: string) => number,
    upload: ModuleUpload,
  ): Promise<PutResult> {
    const { gate, tryUpload } = this.#options;
    const gated = await gate(upload.wasm);
    const { digest, description, rewritten, functions: wasmFunctions } = gated;
    const present = this.#present(name, numberFor(digest), digest);
    if (present !== undefined) return { version: present, created: false };
    const trial = await tryUpload({ digest, description, rewritten });
    const admission = { ...trial, wasmFunctions, rewrittenBytes: rewritten.length };
    return this.#exclusive(() =>
      this.#store({ name, number: numberFor(digest) }, upload, gated, admission),
    );
  }

  async #store(
    { name, number }: { readonly name: string; readonly number: number },
    upload: ModuleUpload,
    { digest, description, imports, memoryPages, sourceLines }: GateReport,
    admission: AdmissionReport,
  ): Promise<PutResult> {
    const { blobs, nowMs } = this.#options;
    const present = this.#present(name, number, digest);
    if (present !== undefined) return { version: present, created: false };
    await blobs.put(wasmBlob(digest), upload.wasm);
    const version: CatalogVersion = {
      name,
      version: number,
      ref: `${name}@${number}`,
      digest,
      bytes: upload.wasm.byteLength,
      createdAtMs: nowMs(),
      description,
      imports,
      memoryPages,
      sourceMap: sourceLines,
      admission,
    };
    await this.#save(withVersion(this.#index, version));
    return { version, created: true };
  }

  /** The version if it is there. Throws `MODULE_EXISTS` if the number stands, or once stood, for other bytes (K2). */
  #present(name: string, number: number, digest: string): CatalogVersion | undefined {
    const { versions, deleted } = entryOf(this.#index, name);
    const taken = [...versions, ...deleted].find((known) => known.version === number);
    if (taken === undefined || taken.digest === digest) {
      return versions.find((known) => known.version === number);
    }
    throw new MillraceError(
      'MODULE_EXISTS',
      `version "${name}@${number}" exists with other bytes`,
      {
        details: [`it has digest ${taken.digest}`, `the upload has digest ${digest}`],
        hint: 'versions never change: upload it as the next version',
      },
    );
  }

  async #save(index: CatalogIndex): Promise<void> {
    await this.#options.blobs.put(INDEX_BLOB, new TextEncoder().encode(JSON.stringify(index)));
    this.#index = index;
  }
}

/** The index of a store, which may have none yet. Throws `DATA_DIRECTORY`. */
export async function readIndex(blobs: BlobStore): Promise<CatalogIndex> {
  const names = await blobs.list(INDEX_BLOB);
  if (!names.includes(INDEX_BLOB)) return { format: 1, modules: {} };
  try {
    return JSON.parse(new TextDecoder().decode(await blobs.get(INDEX_BLOB))) as CatalogIndex;
  } catch (cause) {
    throw new MillraceError('DATA_DIRECTORY', 'the index of the module catalog cannot be read', {
      hint: 'restore modules/index.json from a backup, or move it away to begin with no modules',
      cause,
    });
  }
}

function assertUnused(version: CatalogVersion, jobs: readonly string[]): void {
  if (jobs.length === 0) return;
  throw new MillraceError('MODULE_IN_USE', `a job uses module "${version.ref}"`, {
    details: jobs.map((job) => `job "${job}"`),
    hint: 'remove the job first: millrace jobs cancel JOB --purge, or DELETE /v1/jobs/{id}?purge=true',
  });
}

/** Where the bytes with this digest are. */
export const wasmBlob = (digest: string) => `${digest}.wasm`;
