import { MillraceError } from '../errors.ts';
import type { ModuleDescription } from '../model/module-description.ts';
import type { TrialReport } from '../sandbox/trial/trial.ts';

/** The catalog's table of contents, as it is stored. Blobs are named by digest and stand beside it. */
export interface CatalogIndex {
  readonly format: 1;
  readonly modules: { readonly [name: string]: ModuleEntry };
}

export interface ModuleEntry {
  readonly name: string;
  /** Ascending. */
  readonly versions: readonly CatalogVersion[];
  /** Numbers that were given once and must not come to mean something else. */
  readonly deleted: readonly { readonly version: number; readonly digest: string }[];
}

/** One version, with what the gate found out about it, so that nothing has to be parsed again. */
export interface CatalogVersion {
  readonly name: string;
  readonly version: number;
  /** `name@version`. */
  readonly ref: string;
  /** SHA-256 of the bytes, hex. */
  readonly digest: string;
  readonly bytes: number;
  readonly createdAtMs: number;
  readonly description: ModuleDescription;
  readonly imports: readonly string[];
  readonly memoryPages: number;
  /** Whether failures can be traced to lines of its source. */
  readonly sourceMap: boolean;
  /** What it did when it was tried; undefined for what was stored before modules were tried. */
  readonly admission?: AdmissionReport;
}

/** What was found out about a version before it was let in, beside what it says about itself. */
export interface AdmissionReport extends TrialReport {
  /** WebAssembly functions, and bytes with fuel and limits written in. */
  readonly wasmFunctions: number;
  readonly rewrittenBytes: number;
}

/** The entry of a name, possibly without any version. Names such as `constructor` are names like any other. */
export function entryOf(index: CatalogIndex, name: string): ModuleEntry {
  const empty: ModuleEntry = { name, versions: [], deleted: [] };
  return Object.hasOwn(index.modules, name) ? index.modules[name] : empty;
}

/** Modules that have a version, sorted by name. */
export function liveModules(index: CatalogIndex): readonly ModuleEntry[] {
  return Object.values(index.modules)
    .filter((entry) => entry.versions.length > 0)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Throws `MODULE_NOT_FOUND`. */
export function findModule(index: CatalogIndex, name: string): ModuleEntry {
  const entry = entryOf(index, name);
  if (entry.versions.length > 0) return entry;
  const known = liveModules(index).map((module) => module.name);
  throw new MillraceError('MODULE_NOT_FOUND', `there is no module ${quote(name)}`, {
    hint:
      known.length === 0 ? 'the catalog is empty' : `there are ${known.slice(0, 20).join(', ')}`,
  });
}

/** Throws `MODULE_NOT_FOUND`, `NAME_INVALID`. */
export function findVersion(index: CatalogIndex, name: string, text: string): CatalogVersion {
  const { versions } = findModule(index, name);
  if (text === 'latest') return versions[versions.length - 1];
  const number = parseVersion(text);
  const found = versions.find((version) => version.version === number);
  if (found !== undefined) return found;
  throw new MillraceError('MODULE_NOT_FOUND', `module ${quote(name)} has no version ${number}`, {
    hint: `it has ${versions.map((version) => version.version).join(', ')}`,
  });
}

/** `name@version` or `name@latest`. Throws `MODULE_NOT_FOUND`, `NAME_INVALID`. */
export function resolveVersion(index: CatalogIndex, ref: string): CatalogVersion {
  const at = ref.lastIndexOf('@');
  if (at > 0) return findVersion(index, ref.slice(0, at), ref.slice(at + 1));
  throw new MillraceError('NAME_INVALID', `${quote(ref)} is no version`, {
    hint: 'write name@version or name@latest',
  });
}

/** A version's number. Throws `NAME_INVALID`. */
export function parseVersion(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new MillraceError('NAME_INVALID', `${quote(text)} is no version of a module`, {
    hint: 'versions are whole numbers from 1 on, or "latest" where one is asked for',
  });
}

/** The number the next upload gets: the latest's own if that has the same bytes. */
export function nextVersion(entry: ModuleEntry, digest: string): number {
  const latest = entry.versions.at(-1);
  if (latest?.digest === digest) return latest.version;
  const taken = [...entry.versions, ...entry.deleted];
  return Math.max(0, ...taken.map((version) => version.version)) + 1;
}

export function withVersion(index: CatalogIndex, version: CatalogVersion): CatalogIndex {
  const entry = entryOf(index, version.name);
  const versions = [...entry.versions, version].sort((a, b) => a.version - b.version);
  return withEntry(index, { ...entry, versions });
}

export function withoutVersion(index: CatalogIndex, gone: CatalogVersion): CatalogIndex {
  const entry = entryOf(index, gone.name);
  return withEntry(index, {
    ...entry,
    versions: entry.versions.filter((version) => version.version !== gone.version),
    deleted: [...entry.deleted, { version: gone.version, digest: gone.digest }],
  });
}

/** Whether any version still has these bytes. */
export function isReferenced(index: CatalogIndex, digest: string): boolean {
  return Object.values(index.modules).some((entry) =>
    entry.versions.some((version) => version.digest === digest),
  );
}

function withEntry(index: CatalogIndex, entry: ModuleEntry): CatalogIndex {
  return { ...index, modules: { ...index.modules, [entry.name]: entry } };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
