import type { CommandContext } from '../command-parts.ts';
import { formatTable, formatTime } from '../table.ts';
import { jobPath } from './jobs.ts';

interface LogEntry {
  readonly atMs: number;
  readonly level: string;
  readonly step: string | null;
  readonly version: string | null;
  readonly text: string;
}

interface DeadLetter {
  readonly atMs: number;
  readonly step: string;
  readonly function: string;
  readonly code: string;
  readonly message: string;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly step?: string;
  readonly version?: string;
  readonly level?: string;
}

/** `millrace jobs logs J [-f]` */
export async function showLogs(
  context: CommandContext,
  id: string,
  options: LogOptions,
): Promise<void> {
  const query = new URLSearchParams({ follow: options.follow ? 'true' : 'false' });
  for (const name of ['step', 'version', 'level'] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  const path = `${jobPath(id)}/logs?${query}`;
  const print = (entry: LogEntry) =>
    context.terminal.out(context.json ? `${JSON.stringify(entry)}\n` : formatEntry(entry));
  if (!options.follow) {
    const { entries } = await context.client.json<{ entries: readonly LogEntry[] }>(path);
    entries.forEach(print);
    return;
  }
  const stopped = new AbortController();
  context.interrupted().then(() => stopped.abort());
  try {
    for await (const data of context.client.events(path, stopped.signal))
      print(JSON.parse(data) as LogEntry);
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  }
}

/** `millrace jobs dead-letters J` */
export async function listDeadLetters(context: CommandContext, id: string): Promise<void> {
  const path = `${jobPath(id)}/dead-letters`;
  const { deadLetters } = await context.client.json<{ deadLetters: readonly DeadLetter[] }>(path);
  if (context.json) {
    context.terminal.out(`${JSON.stringify(deadLetters)}\n`);
    return;
  }
  context.terminal.out(
    formatTable(deadLetters, [
      { title: 'TIME', value: (row) => formatTime(row.atMs) },
      { title: 'STEP', value: (row) => row.step },
      { title: 'FUNCTION', value: (row) => row.function },
      { title: 'ERROR', value: (row) => `${row.code}: ${row.message}` },
    ]),
  );
}

function formatEntry(entry: LogEntry): string {
  const origin =
    entry.step === null
      ? 'job'
      : `${entry.step}${entry.version === null ? '' : ` ${entry.version}`}`;
  return `${formatTime(entry.atMs)}  ${entry.level.padEnd(5)}  ${origin}  ${entry.text}\n`;
}
