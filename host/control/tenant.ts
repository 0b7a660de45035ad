import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { logFiles } from '../connectors/http/log-files.ts';
import type { Outbound } from '../connectors/outbound.ts';
import { MillraceError } from '../errors.ts';
import type { WarmRunner } from '../runtime/warm-runner.ts';
import { type StorageLocation, s3Environment } from '../storage/storage-location.ts';
import { DEFAULT_TENANT } from './access/caller.ts';
import type { Quota } from './access/token-table.ts';
import type { Catalog } from './catalog.ts';
import type { Ingest } from './ingest/ingest.ts';
import { openIngest } from './ingest/open-ingest.ts';
import { readRetainedPositions } from './ingest/retained-positions.ts';
import { processRunners } from './job-runners.ts';
import { createJobStore } from './job-store.ts';
import { openServerCatalog } from './open-server-catalog.ts';
import { createSavepointPlaces, type SavepointPlaces } from './savepoint-places.ts';
import { isFinal, type StoredJob } from './stored-job.ts';
import { openSupervisor, type Supervisor } from './supervisor.ts';

/** What is one tenant's own: its modules, its jobs, its savepoints. Nothing of it can be named by a request of another tenant. */
export interface Tenant {
  readonly name: string;
  readonly catalog: Catalog;
  readonly supervisor: Supervisor;
  readonly ingest: Ingest;
  readonly savepoints: SavepointPlaces;
  /** The one folder in which its jobs read and write files; undefined = wherever the server may. */
  readonly filesBelow: string | undefined;
  /** Throws `QUOTA_EXCEEDED` when another job would be one too many. */
  assertRoomForJob(): void;
  /** Throws `QUOTA_EXCEEDED` when so many more bytes of modules would be too many. */
  assertRoomForModule(bytes: number): void;
  close(): Promise<void>;
}

export interface TenantOptions {
  readonly name: string;
  /** The server's data directory; absolute. */
  readonly data: string;
  readonly warm: WarmRunner;
  /** Whether requests may name absolute paths for savepoints. */
  readonly savepointsAnywhere: boolean;
  /** Which addresses the connectors of its jobs may reach; undefined = any. */
  readonly outbound: Outbound;
  /** Where checkpoints of new jobs go; undefined = into the data directory. */
  readonly checkpoints?: StorageLocation | undefined;
  readonly quota: () => Quota;
  log(level: 'info' | 'warn' | 'error', text: string): void;
}

/** The folder of the tenants other than the default one, whose data is the server's own directory. */
export const TENANTS_FOLDER = 'tenants';

/** Opens a tenant and takes up its jobs. Throws `DATA_DIRECTORY`. */
export async function openTenant(options: TenantOptions): Promise<Tenant> {
  const { name, data, warm, log } = options;
  const own = name === DEFAULT_TENANT ? data : join(data, TENANTS_FOLDER, name);
  const catalog = await openServerCatalog(own);
  const store = createJobStore(join(own, 'jobs'));
  const ingest = openIngest({
    directoryOf: (id) => store.directoryOf(id),
    clock: systemClock,
    files: logFiles,
    retained: readRetainedPositions,
    log,
  });
  const supervisor = await openSupervisor({
    store,
    catalog,
    runners: processRunners(
      join(data, 'cache'),
      warm,
      options.checkpoints && s3Environment(process.env),
    ),
    checkpoints: options.checkpoints && locationOf(name, options.checkpoints),
    clock: systemClock,
    ...(options.outbound === undefined ? {} : { outbound: options.outbound }),
    prepare: (job) => ingest.open(job),
    forget: (id) => ingest.forget(id),
    log,
  });
  for (const job of supervisor.list()) await openLogs(job.stored, ingest, log);
  const anywhere = options.savepointsAnywhere && name === DEFAULT_TENANT;
  return {
    name,
    catalog,
    supervisor,
    ingest,
    savepoints: createSavepointPlaces({ directory: join(own, 'savepoints'), anywhere }),
    filesBelow: name === DEFAULT_TENANT ? undefined : join(own, 'files'),
    assertRoomForJob: () => assertRoomForJob(name, supervisor, options.quota()),
    assertRoomForModule: (bytes) => assertRoomForModule(name, catalog, options.quota(), bytes),
    async close() {
      await supervisor.close();
      await catalog.close();
      await ingest.close();
    },
  };
}

/** Ids of jobs are a tenant's own. */
function locationOf(name: string, location: StorageLocation): StorageLocation {
  if (name === DEFAULT_TENANT) return location;
  const folder = `${TENANTS_FOLDER}/${name}`;
  return { ...location, prefix: location.prefix === '' ? folder : `${location.prefix}/${folder}` };
}

function assertRoomForJob(name: string, supervisor: Supervisor, quota: Quota): void {
  const live = supervisor.list().filter((job) => !isFinal(job.stored.state)).length;
  if (live < quota.jobs) return;
  throw new MillraceError(
    'QUOTA_EXCEEDED',
    `tenant "${name}" has ${live} jobs, limit ${quota.jobs}`,
    {
      hint: `end one of them, or ask for "tenant ${name} jobs=N" in the server's token file`,
    },
  );
}

function assertRoomForModule(name: string, catalog: Catalog, quota: Quota, bytes: number): void {
  const versions = catalog.list().flatMap((module) => module.versions);
  const stored = versions.reduce((sum, version) => sum + version.bytes, 0);
  if (stored + bytes <= quota.moduleBytes) return;
  throw new MillraceError(
    'QUOTA_EXCEEDED',
    `modules of tenant "${name}" have ${stored} bytes, with these ${bytes} more than ${quota.moduleBytes}`,
    {
      hint: `delete versions, or ask for "tenant ${name} modules=SIZE" in the server's token file`,
    },
  );
}

/** A log that cannot be mended now must not keep the other jobs waiting; its next request tries again. */
async function openLogs(job: StoredJob, ingest: Ingest, log: TenantOptions['log']): Promise<void> {
  try {
    await ingest.open(job);
  } catch (thrown) {
    const { code, message } = MillraceError.from(thrown);
    log('error', `the ingest logs of job "${job.id}" cannot be opened: ${code}: ${message}`);
  }
}
