import type { RecordFormat } from '../../abi/row-decoder.ts';

/**
 * Names in the output directory. Ids and jobs are names of the grammar (no dots) or are escaped to it, so
 * no two sinks, jobs, tasks or attempts share a pending file:
 *
 *     .<id>.<job>.<task>.<attempt>.<n>.pending     being written, or waiting for its checkpoint
 *     .<id>.<job>.<attempt>.probe                  there for a moment, when an attempt begins
 *     part-<id>-<task>-<checkpoint>.<extension>    committed; the second of a checkpoint has `.2` before the extension
 */
export interface PartOwner {
  readonly id: string;
  readonly job: string;
}

const PENDING = /^\.[A-Za-z0-9_~-]+\.[A-Za-z0-9_~-]+\.\d+\.(\d+)\.\d+\.pending$/;
const PROBE = /^\.[A-Za-z0-9_~-]+\.[A-Za-z0-9_~-]+\.(\d+)\.probe$/;
const PART = /^part-[A-Za-z0-9_~-]+-\d+-\d+(?:\.\d+)?\.[a-z]+$/;

const EXTENSIONS: { readonly [format in RecordFormat]: string } = {
  lines: 'txt',
  json: 'json',
  csv: 'csv',
  rows: 'rows',
  raw: 'bin',
};

/** What every pending file of a sink in a job begins with, whatever the task and the attempt. */
export function pendingPrefix({ id, job }: PartOwner): string {
  return `.${escapeName(id)}.${escapeName(job)}.`;
}

export function pendingName(
  owner: PartOwner & { task: number; attempt: number },
  n: number,
): string {
  return `${pendingPrefix(owner)}${owner.task}.${owner.attempt}.${n}.pending`;
}

/** The name of the `n`th part (from 1) of a task in a checkpoint. */
export function partName(
  part: { id: string; task: number; checkpoint: number; format: RecordFormat },
  n: number,
): string {
  const suffix = n === 1 ? '' : `.${n}`;
  const stem = `part-${escapeName(part.id)}-${part.task}-${part.checkpoint}`;
  return `${stem}${suffix}.${EXTENSIONS[part.format]}`;
}

export function isPendingName(name: string): boolean {
  return PENDING.test(name);
}

/** The attempt that a pending file or a probe is of; undefined for other names. */
export function attemptOf(name: string): number | undefined {
  const match = PENDING.exec(name) ?? PROBE.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** A file by which an attempt tries whether it can write. */
export function probeName(owner: PartOwner & { attempt: number }): string {
  return `${pendingPrefix(owner)}${owner.attempt}.probe`;
}

export function isPartName(name: string): boolean {
  return PART.test(name);
}

/** One-to-one, into letters, digits, `_`, `-` and `~`. */
function escapeName(name: string): string {
  return name.replace(
    /[^A-Za-z0-9_-]/g,
    (character) => `~${character.charCodeAt(0).toString(16)}~`,
  );
}
