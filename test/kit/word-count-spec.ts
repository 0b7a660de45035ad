import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import { checkPipeline, type Pipeline } from '../../host/dataflow/pipeline.ts';
import { planPipeline } from '../../host/dataflow/plan-pipeline.ts';
import type { JobSpec } from '../../host/runtime/job-spec.ts';
import type { UpdateRequest } from '../../host/runtime/running-job.ts';
import { gate } from '../../host/sandbox/gate.ts';

export interface WordCountSpec {
  readonly spec: JobSpec;
  /** The update of step `words` to the second module. */
  readonly update: UpdateRequest;
}

/** The spec of job `job-1` in `directory`, with two real modules whose bytes are put there. */
export function wordCountSpec(
  directory: string,
  modules: readonly [Uint8Array, Uint8Array],
  options: { readonly pipeline: Omit<Pipeline, 'name'>; readonly threads: number },
): WordCountSpec {
  const [first, second] = modules.map((wasm, i) => {
    const { digest, description } = gate(wasm);
    const path = join(directory, `v${i + 1}.wasm`);
    writeFileSync(path, wasm);
    return { ref: `text@${i + 1}`, digest, description, path };
  });
  const document = { name: 'job', modules: { text: first.ref }, ...options.pipeline };
  const planned = planPipeline(checkPipeline(document), {
    modules: new Map([['text', first]]),
    connectors: builtinConnectors,
    baseDirectory: directory,
  });
  return {
    spec: {
      id: 'job-1',
      directory,
      ...planned,
      modulePaths: { [first.digest]: first.path },
      attempt: 1,
      threads: options.threads,
    },
    update: {
      step: 'words',
      module: { ref: second.ref, digest: second.digest },
      path: second.path,
      strategy: 'barrier',
    },
  };
}
