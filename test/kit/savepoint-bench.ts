import { join } from 'node:path';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import { restoreSavepoint } from '../../host/runtime/restore-savepoint.ts';
import type { SavepointRequest } from '../../host/runtime/savepoint.ts';
import { readSavepoint } from '../../host/runtime/savepoint-file.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { createJobBench, type JobBench, type JobBenchOptions } from './job-bench.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A place that is not there yet, and what to keep in it. */
export function newSavepoint(change: Partial<SavepointRequest> = {}): SavepointRequest {
  return { directory: join(temporaryDirectory(), 'kept'), pipeline: { name: 'job' }, ...change };
}

/** A new job, in a directory of its own, that begins with the savepoint in `directory` when it is started. */
export async function benchFrom(
  directory: string,
  options: JobBenchOptions,
  allowDroppedState = false,
): Promise<JobBench> {
  const bench = createJobBench(options);
  const from = createLocalBlobStore(directory);
  await restoreSavepoint({
    savepoint: await readSavepoint(from, directory),
    from,
    to: createLocalBlobStore(bench.directory),
    job: bench.spec.id,
    plan: bench.spec.plan,
    modules: bench.spec.modules,
    connectors: builtinConnectors,
    allowDroppedState,
  });
  return bench;
}
