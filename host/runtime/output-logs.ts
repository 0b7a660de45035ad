import { join } from 'node:path';
import { logFiles } from '../connectors/http/log-files.ts';
import type { Plan } from '../dataflow/plan.ts';
import type { JobParts } from './job-parts.ts';
import { type OutputLog, openOutputLog } from './output-log.ts';

/** Where the output of a `memory` sink is kept, below the directory of its job. */
export function outputDirectory(job: string, sink: string): string {
  return join(job, 'output', sink);
}

/** What takes the output of a job's `memory` sinks when nobody embeds the job: a log for each. Throws `STORAGE_FAILED`. */
export async function openOutputLogs(plan: Plan, directory: string): Promise<JobParts['deliver']> {
  const logs = new Map<string, OutputLog>();
  for (const operator of plan.chains.flatMap((chain) => chain.operators)) {
    if (operator.kind !== 'sink' || operator.connector !== 'memory') continue;
    const own = outputDirectory(directory, operator.id);
    logs.set(operator.id, await openOutputLog({ directory: own, files: logFiles }));
  }
  return (sink, rows, key) => logs.get(sink)?.append(rows, key);
}
