import { dirname, resolve } from 'node:path';
import { sizeOf } from '../../runtime/fit-savepoint.ts';
import type { SavedOperator, Savepoint } from '../../runtime/savepoint.ts';
import { readSavepoint, verifySavepoint } from '../../runtime/savepoint-file.ts';
import { createLocalBlobStore } from '../../storage/local-blob-store.ts';
import type { CommandContext } from '../command-parts.ts';
import { readInput } from '../module-file.ts';
import { preparePipeline } from '../prepare-pipeline.ts';
import { formatBytes, formatTable, formatTime } from '../table.ts';
import { jobPath, type ListedJob } from './jobs.ts';

/** A savepoint as the server answers it. */
interface TakenSavepoint {
  readonly savepoint: string;
  readonly job: string;
  readonly checkpoint: number;
  readonly takenAtMs: number;
  readonly bytes: number;
}

/** `millrace jobs savepoint J [--to DIR]`: prints where it is. */
export async function takeSavepoint(
  context: CommandContext,
  job: string,
  options: { readonly to?: string },
): Promise<void> {
  const body = options.to === undefined ? {} : { to: placeOf(context, options.to) };
  const path = `${jobPath(job)}/savepoints`;
  const taken = await context.client.json<TakenSavepoint>(path, { method: 'POST', body });
  context.terminal.out(context.json ? `${JSON.stringify(taken)}\n` : `${taken.savepoint}\n`);
}

/** `millrace jobs stop J [--savepoint [DIR]]` */
export async function stopJob(
  context: CommandContext,
  id: string,
  options: { readonly savepoint?: string | true },
): Promise<void> {
  const wanted = options.savepoint ?? false;
  const savepoint = typeof wanted === 'string' ? placeOf(context, wanted) : wanted;
  const answer = await context.client.json<{
    readonly job: ListedJob;
    readonly savepoint: string | null;
  }>(`${jobPath(id)}/stop`, { method: 'POST', body: { savepoint } });
  if (context.json) context.terminal.out(`${JSON.stringify(answer)}\n`);
  else {
    context.terminal.out(`${id}  ${answer.job.state}\n`);
    if (answer.savepoint !== null) context.terminal.out(`${answer.savepoint}\n`);
  }
}

export interface RestoreArguments {
  readonly savepoint: string;
  readonly file: string | undefined;
}

/** `millrace jobs restore SAVEPOINT [PIPELINE]`: without a pipeline, the one in the savepoint. */
export async function restoreJob(
  context: CommandContext,
  { savepoint, file }: RestoreArguments,
  options: {
    readonly allowDroppedState?: boolean;
    readonly parallelism?: number;
    readonly set: readonly string[];
  },
): Promise<void> {
  const query = new URLSearchParams({ savepoint: placeOf(context, savepoint) });
  if (options.allowDroppedState === true) query.set('allowDroppedState', 'true');
  if (options.parallelism !== undefined) query.set('parallelism', `${options.parallelism}`);
  let body: object | undefined;
  if (file !== undefined) {
    const path = resolve(context.workingDirectory, file);
    const text = new TextDecoder().decode(await readInput(path));
    const directory = dirname(path);
    query.set('baseDirectory', directory);
    body = await preparePipeline(context, { text, directory, set: options.set });
  }
  const job = await context.client.json<ListedJob>(`/v1/jobs?${query}`, { method: 'POST', body });
  context.terminal.out(context.json ? `${JSON.stringify(job)}\n` : `${job.id}\n`);
}

/** `millrace savepoint inspect DIR`: reads all of it, without a server. */
export async function inspectSavepoint(context: CommandContext, path: string): Promise<void> {
  const directory = resolve(context.workingDirectory, path);
  const store = createLocalBlobStore(directory);
  const savepoint = await readSavepoint(store, directory);
  await verifySavepoint(store, savepoint);
  const { operators, ...rest } = savepoint;
  const sized = operators.map((one) => ({ ...one, ...sizeOf(one.snapshots) }));
  context.terminal.out(
    context.json
      ? `${JSON.stringify({ ...rest, operators: sized })}\n`
      : formatSavepoint(savepoint),
  );
}

/** What has a "/" or begins with "." is a path here; anything else a name that the server knows. */
function placeOf(context: CommandContext, text: string): string {
  const path = text.includes('/') || text.startsWith('.');
  return path ? resolve(context.workingDirectory, text) : text;
}

function formatSavepoint(savepoint: Savepoint): string {
  const { job, checkpoint, takenAtMs, keyGroups, final, modules, steps, operators } = savepoint;
  const stateful = operators.filter(({ snapshots }) => snapshots.some((s) => s.states.length > 0));
  const splits = operators.flatMap((one) => one.splits.map((split) => ({ id: one.id, split })));
  return `job          ${job}, checkpoint ${checkpoint}${final ? ', at its end' : ''}
taken        ${formatTime(takenAtMs)}
key groups   ${keyGroups}
checksums    all blobs are what they were

${formatTable(modules, [
  { title: 'MODULE', value: (row) => row.ref },
  { title: 'DIGEST', value: (row) => row.digest.slice(0, 12) },
  { title: 'SIZE', value: (row) => formatBytes(row.bytes), align: 'right' },
])}
${formatTable<SavedOperator>(operators, [
  { title: 'OPERATOR', value: (row) => row.id },
  { title: 'KIND', value: (row) => row.kind },
  { title: 'TASKS', value: (row) => row.parallelism },
  { title: 'RUNS', value: (row) => row.function ?? row.connector },
  { title: 'VERSION', value: (row) => (Object.hasOwn(steps, row.id) ? steps[row.id].ref : null) },
])}
${formatTable(stateful.flatMap(statesOf), [
  { title: 'OPERATOR', value: (row) => row.id },
  { title: 'STATE', value: (row) => row.state },
  { title: 'KEYS', value: (row) => row.keys },
  { title: 'SIZE', value: (row) => formatBytes(row.bytes), align: 'right' },
])}
${formatTable(splits, [
  { title: 'SOURCE', value: (row) => row.id },
  { title: 'SPLIT', value: (row) => row.split.id },
  { title: 'POSITION', value: (row) => positionText(row.split.position) },
])}`;
}

/** A row per state of an operator, over all its tasks. */
function statesOf({ id, snapshots }: SavedOperator) {
  const names = new Set(snapshots.flatMap((one) => one.states).map((one) => one.state));
  return [...names].map((state) => {
    const parts = snapshots.map((one) => ({
      ...one,
      states: one.states.filter((blob) => blob.state === state),
    }));
    return { id, state, ...sizeOf(parts) };
  });
}

function positionText(position: unknown): string | number {
  if (position === undefined) return 'beginning';
  return typeof position === 'number' ? position : JSON.stringify(position);
}
