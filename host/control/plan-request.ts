import { isAbsolute } from 'node:path';
import type { Connector } from '../connectors/connector.ts';
import type { Finding } from '../dataflow/finding.ts';
import type { Pipeline } from '../dataflow/pipeline.ts';
import { pipelineInvalid } from '../dataflow/pipeline-invalid.ts';
import type { Plan, StepModules } from '../dataflow/plan.ts';
import { planPipeline } from '../dataflow/plan-pipeline.ts';
import type { PlannedModule } from '../dataflow/planned-module.ts';
import { MillraceError } from '../errors.ts';
import type { Catalog } from './catalog.ts';
import { assertFilesBelow, assertStartsBelow } from './confine-files.ts';

export interface PlanRequest {
  /** YAML or JSON. */
  readonly text: string;
  /** Where relative paths of the document start; absolute. */
  readonly baseDirectory: string;
  readonly parallelism: number | undefined;
}

/** A document that fits its modules and connectors, and whose sources are there. */
export interface PlannedPipeline {
  readonly document: unknown;
  readonly plan: Plan;
  readonly modules: StepModules;
}

export interface PlanRequestParts {
  readonly catalog: Catalog;
  readonly connectors: ReadonlyMap<string, Connector>;
  /** Throws `PIPELINE_UNREADABLE`, `PIPELINE_INVALID`. */
  readonly readDocument: (text: string) => Promise<Pipeline>;
  /** The one folder in which the job may read and write files; undefined = any. */
  readonly filesBelow?: string | undefined;
}

/**
 * Checks a submitted document as far as that goes without running it.
 * Throws `PIPELINE_UNREADABLE`, `PIPELINE_INVALID`, `SOURCE_UNAVAILABLE`, `REQUEST_INVALID`.
 */
export async function planRequest(
  request: PlanRequest,
  parts: PlanRequestParts,
): Promise<PlannedPipeline> {
  const { baseDirectory, parallelism } = request;
  if (!isAbsolute(baseDirectory)) {
    throw new MillraceError(
      'REQUEST_INVALID',
      `base directory "${baseDirectory}" is not absolute`,
      {
        hint: 'give the directory of the document as an absolute path',
      },
    );
  }
  const { filesBelow } = parts;
  if (filesBelow !== undefined) assertStartsBelow(baseDirectory, filesBelow);
  const document = await parts.readDocument(request.text);
  const modules = resolveModules(document.name, document.modules ?? {}, parts.catalog);
  const { connectors } = parts;
  const planned = planPipeline(document, { modules, connectors, baseDirectory, parallelism });
  if (filesBelow !== undefined) assertFilesBelow(planned.plan, filesBelow);
  await assertSources(planned.plan, connectors);
  return { document, ...planned };
}

/** Aliases to catalog versions; every one that is not there is a finding. */
function resolveModules(
  pipeline: string,
  refs: Readonly<Record<string, string>>,
  catalog: Catalog,
): ReadonlyMap<string, PlannedModule> {
  const findings: Finding[] = [];
  const modules = new Map<string, PlannedModule>();
  for (const [alias, ref] of Object.entries(refs)) {
    try {
      modules.set(alias, catalog.resolve(ref));
    } catch (thrown) {
      const { message, hint } = MillraceError.from(thrown);
      findings.push({ path: ['modules', alias], message: `${message}; ${hint}` });
    }
  }
  if (findings.length > 0) throw pipelineInvalid(pipeline, findings);
  return modules;
}

/** A file that is missing is told now and not by a job that fails a moment later. */
async function assertSources(
  plan: Plan,
  connectors: ReadonlyMap<string, Connector>,
): Promise<void> {
  for (const operator of plan.chains.flatMap((chain) => chain.operators)) {
    if (operator.kind !== 'source') continue;
    const checked = connectors.get(operator.connector)?.source?.(operator.options);
    if (checked?.ok) await checked.value.splits(plan.baseDirectory);
  }
}
