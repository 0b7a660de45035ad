import { runsFunction } from '../dataflow/operator-facts.ts';
import { MillraceError } from '../errors.ts';
import { isName } from '../model/name.ts';
import { fitSavepoint } from '../runtime/fit-savepoint.ts';
import { findMisfits } from '../runtime/fits-step.ts';
import { openJobStorage } from '../runtime/job-storage.ts';
import { restoreSavepoint } from '../runtime/restore-savepoint.ts';
import type { SavedModule, Savepoint } from '../runtime/savepoint.ts';
import { readSavedModule, readSavepoint } from '../runtime/savepoint-file.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { createLocalBlobStore } from '../storage/local-blob-store.ts';
import type { Catalog } from './catalog.ts';
import type { CatalogVersion } from './catalog-index.ts';
import { type PlannedPipeline, type PlanRequestParts, planRequest } from './plan-request.ts';

export interface RestoreRequest {
  /** The savepoint's folder; absolute. */
  readonly folder: string;
  /** Another document; undefined = the one in the savepoint, with the modules that ran. */
  readonly text: string | undefined;
  /** Undefined = where the document's paths started before. */
  readonly baseDirectory: string | undefined;
  readonly parallelism: number | undefined;
  readonly allowDroppedState: boolean;
}

/** A job that is about to be stored, and its directory. */
export interface NewJob {
  readonly id: string;
  readonly directory: string;
}

/** A pipeline that a savepoint fits, and how its job gets it. */
export interface PlannedRestore extends PlannedPipeline {
  /** What the new job has to run beside what the document names. */
  readonly digests: readonly string[];
  /** Puts the savepoint into the directory of a job that is not yet stored. */
  readonly begin: (job: NewJob) => Promise<void>;
}

/**
 * Checks whether a job can begin with a savepoint, as far as that goes without running it. Modules of the savepoint that the catalog does not have
 * are uploaded to it, through the gate like any other. Throws `SAVEPOINT_NOT_FOUND`,
 * `SAVEPOINT_INCOMPATIBLE`, `CHECKPOINT_CORRUPT`, and what `planRequest` throws.
 */
export async function planRestore(
  request: RestoreRequest,
  parts: PlanRequestParts,
): Promise<PlannedRestore> {
  const { folder, parallelism, allowDroppedState } = request;
  const from = createLocalBlobStore(folder);
  const savepoint = await readSavepoint(from, folder);
  const saved: SavedCode = { savepoint, from, catalog: parts.catalog };
  const text = request.text ?? (await savedDocument(saved));
  const baseDirectory = request.baseDirectory ?? savepoint.baseDirectory;
  const planned = await planRequest({ text, baseDirectory, parallelism }, parts);
  const { plan } = planned;
  const fit = { plan, connectors: parts.connectors, allowDroppedState };
  await fitSavepoint(savepoint, fit);
  const ran = request.text === undefined ? await versionsThatRan(planned, saved) : {};
  const modules = { ...planned.modules, ...ran };
  return {
    ...planned,
    digests: Object.values(ran).map(({ digest }) => digest),
    begin: ({ id, directory }) =>
      restoreSavepoint({
        ...fit,
        savepoint,
        from,
        to: openJobStorage(directory),
        job: id,
        modules,
      }),
  };
}

interface SavedCode {
  readonly savepoint: Savepoint;
  readonly from: BlobStore;
  readonly catalog: Catalog;
}

/** The document of a savepoint, its aliases naming catalog versions of this server. */
async function savedDocument(saved: SavedCode): Promise<string> {
  const { pipeline, aliases } = saved.savepoint;
  if (typeof pipeline !== 'object' || pipeline === null || Array.isArray(pipeline)) {
    throw new MillraceError('CHECKPOINT_CORRUPT', 'the savepoint has no pipeline document', {
      hint: 'give a pipeline document beside the savepoint',
    });
  }
  const modules: Record<string, string> = Object.create(null);
  for (const [alias, digest] of Object.entries(aliases)) {
    modules[alias] = (await inCatalog(digest, saved)).ref;
  }
  return JSON.stringify({ ...pipeline, modules });
}

/** Steps whose version was swapped before the savepoint go on with that one. */
async function versionsThatRan(
  planned: PlannedPipeline,
  saved: SavedCode,
): Promise<{ readonly [step: string]: CatalogVersion }> {
  const ran: Record<string, CatalogVersion> = Object.create(null);
  const { steps } = saved.savepoint;
  for (const spec of planned.plan.chains.flatMap((chain) => chain.operators)) {
    if (!runsFunction(spec)) continue;
    const digest = Object.hasOwn(steps, spec.id) ? steps[spec.id].digest : undefined;
    if (digest === undefined || digest === planned.modules[spec.id].digest) continue;
    const version = await inCatalog(digest, saved);
    const details = findMisfits(version.description, spec);
    if (details.length > 0) {
      const text = `module "${version.ref}" of the savepoint does not fit step "${spec.id}"`;
      throw new MillraceError('SAVEPOINT_INCOMPATIBLE', text, { details });
    }
    ran[spec.id] = version;
  }
  return ran;
}

/** The version of the catalog with these bytes: the one that the savepoint names, any other, or a new one. */
async function inCatalog(digest: string, { savepoint, from, catalog }: SavedCode) {
  const module = savepoint.modules.find((one) => one.digest === digest);
  if (module === undefined) {
    throw new MillraceError('CHECKPOINT_CORRUPT', `the savepoint lacks module ${digest}`, {
      hint: 'give a pipeline document beside the savepoint',
    });
  }
  const known = catalog
    .list()
    .flatMap((entry) => entry.versions)
    .filter((version) => version.digest === digest);
  const named = known.find(({ ref }) => ref === module.ref) ?? known[0];
  if (named !== undefined) return named;
  const wasm = await readSavedModule(from, module);
  const { version } = await catalog.add(catalogName(module), { wasm });
  if (version.digest === digest) return version;
  throw new MillraceError('CHECKPOINT_CORRUPT', `module "${module.ref}" has other bytes`, {
    hint: 'copy the savepoint again, or use another one',
  });
}

/** `text@3` and `text.wasm` were called `text`. */
function catalogName({ ref }: SavedModule): string {
  const name = ref.replace(/[@.].*$/, '');
  return isName(name) ? name : 'restored';
}
