import { MillraceError } from '../../errors.ts';
import type { UpdateRecord } from '../../runtime/update-record.ts';
import type { CommandContext } from '../command-parts.ts';
import { formatDuration, formatTable, formatTime } from '../table.ts';
import { jobPath } from './jobs.ts';
import { parseRef } from './modules.ts';

/** How often `--wait` asks. The server knows the answer; there is nothing to stream. */
const WAIT_INTERVAL_MS = 50;

export interface UpdateTarget {
  readonly job: string;
  readonly step: string;
  /** `word-count@2` */
  readonly module: string;
}

/** `millrace jobs update J STEP MODULE@V [--strategy barrier] [--wait]` */
export async function updateJob(
  context: CommandContext,
  target: UpdateTarget,
  options: { readonly strategy: string; readonly wait?: boolean },
): Promise<void> {
  parseRef(target.module);
  const path = `${jobPath(target.job)}/steps/${encodeURIComponent(target.step)}/updates`;
  const update = await context.client.json<UpdateRecord>(path, {
    method: 'POST',
    body: { module: target.module, strategy: options.strategy },
  });
  const last = options.wait ? await waitForEnd(context, target.job, update) : update;
  context.terminal.out(context.json ? `${JSON.stringify(last)}\n` : formatUpdates([last]));
  if (last.state === 'refused') {
    throw new MillraceError(
      'UPDATE_REFUSED',
      `update ${last.update} of step "${last.step}" was refused: ${last.reason}`,
    );
  }
}

/** `millrace jobs updates J` */
export async function listUpdates(context: CommandContext, job: string): Promise<void> {
  const { updates } = await context.client.json<{ updates: readonly UpdateRecord[] }>(
    `${jobPath(job)}/updates`,
  );
  context.terminal.out(context.json ? `${JSON.stringify(updates)}\n` : formatUpdates(updates));
}

async function waitForEnd(
  context: CommandContext,
  job: string,
  first: UpdateRecord,
): Promise<UpdateRecord> {
  let update = first;
  while (update.state !== 'settled' && update.state !== 'refused') {
    await new Promise((resolve) => setTimeout(resolve, WAIT_INTERVAL_MS));
    update = await context.client.json<UpdateRecord>(`${jobPath(job)}/updates/${first.update}`);
  }
  return update;
}

function formatUpdates(updates: readonly UpdateRecord[]): string {
  return formatTable(updates, [
    { title: 'UPDATE', value: (row) => row.update },
    { title: 'STEP', value: (row) => row.step },
    { title: 'FROM', value: (row) => row.from.ref },
    { title: 'TO', value: (row) => row.to.ref },
    { title: 'STATE', value: (row) => row.state },
    { title: 'SINCE', value: (row) => formatTime(row.times.at(-1)?.atMs ?? 0) },
    { title: 'CHECKPOINT', value: (row) => row.checkpoint ?? undefined },
    { title: 'PAUSE PER TASK', value: formatPauses },
    { title: 'REASON', value: (row) => row.reason || undefined },
  ]);
}

function formatPauses(update: UpdateRecord): string | undefined {
  if (update.pauses.length === 0) return undefined;
  const pauses = update.pauses.map((pause) => pause.pauseMs);
  const longest = formatDuration(Math.max(...pauses));
  return pauses.length === 1 ? longest : `${formatDuration(Math.min(...pauses))} – ${longest}`;
}
