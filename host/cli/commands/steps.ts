import type { CommandContext } from '../command-parts.ts';
import { jobPath } from './jobs.ts';

/** `millrace jobs tap J STEP`: a record a line, until Ctrl-C or the end of the job. */
export async function tapStep(
  context: CommandContext,
  { job, step }: { readonly job: string; readonly step: string },
  { rows }: { readonly rows: number },
): Promise<void> {
  const stopped = new AbortController();
  context.interrupted().then(() => stopped.abort());
  const path = `${stepPath(job, step)}/tap?${new URLSearchParams({ rows: String(rows) })}`;
  try {
    for await (const record of context.client.events(path, stopped.signal)) {
      context.terminal.out(`${record}\n`);
    }
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  }
}

export interface StateOfKey {
  readonly job: string;
  readonly step: string;
  readonly state: string;
  readonly key: string;
}

/** `millrace jobs state J STEP STATE KEY`: the state as JSON. */
export async function showState(
  context: CommandContext,
  { job, step, state, key }: StateOfKey,
): Promise<void> {
  const query = new URLSearchParams({ key });
  const path = `${stepPath(job, step)}/state/${encodeURIComponent(state)}?${query}`;
  const answer = await context.client.json<{ readonly found: boolean; readonly value: unknown }>(
    path,
  );
  if (context.json) context.terminal.out(`${JSON.stringify(answer)}\n`);
  else if (answer.found) context.terminal.out(`${JSON.stringify(answer.value)}\n`);
  else context.terminal.out('the key has no state\n');
}

function stepPath(job: string, step: string): string {
  return `${jobPath(job)}/steps/${encodeURIComponent(step)}`;
}
