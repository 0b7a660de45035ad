import { MillraceError } from '../errors.ts';
import { isName } from '../model/name.ts';
import { isBlobName } from '../storage/blob-name.ts';
import { checkManifest } from './encode-manifest.ts';
import type { Manifest } from './manifest.ts';

/**
 * Reads a manifest and checks everything that recovery relies on: a file that was cut, edited or is of another job must
 * not start one. Throws `CHECKPOINT_CORRUPT`.
 */
export function readManifest(bytes: Uint8Array, expected: ExpectedManifest): Manifest {
  const value = parse(bytes, expected);
  const wrong = findFault(value, expected);
  if (wrong === undefined) return value as unknown as Manifest;
  throw new MillraceError(
    'CHECKPOINT_CORRUPT',
    `manifest of checkpoint ${expected.checkpoint} ${wrong}`,
    { hint: 'an earlier checkpoint is used if there is one' },
  );
}

export interface ExpectedManifest {
  readonly job: string;
  readonly checkpoint: number;
}

type Unknown = Record<string, unknown>;

function parse(bytes: Uint8Array, expected: ExpectedManifest): Unknown {
  const text = checkManifest(bytes);
  if (text === undefined) {
    throw new MillraceError(
      'CHECKPOINT_CORRUPT',
      `manifest of checkpoint ${expected.checkpoint} is damaged`,
      { hint: 'its checksum is wrong; an earlier checkpoint is used if there is one' },
    );
  }
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}

function findFault(value: Unknown, expected: ExpectedManifest): string | undefined {
  if (value.format !== 1) return 'is of an unknown format';
  if (value.job !== expected.job) return `is of job ${JSON.stringify(value.job)}`;
  if (value.checkpoint !== expected.checkpoint) return 'is of another checkpoint';
  if (!isCount(value.attempt)) return 'has no attempt';
  if (!isCount(value.keyGroups) || value.keyGroups === 0) return 'has no number of key groups';
  if (typeof value.final !== 'boolean') return 'does not say whether it is final';
  if (!isObject(value.modules) || !Object.values(value.modules).every(isVersion)) {
    return 'has damaged modules';
  }
  const { inFlight } = value;
  if (inFlight !== undefined && !isListOf(inFlight, isInFlightRef))
    return 'has damaged rows in flight';
  if (!isObject(value.operators)) return 'has no operators';
  for (const [id, operator] of Object.entries(value.operators)) {
    const fault = isName(id) && isObject(operator) ? operatorFault(operator) : 'is damaged';
    if (fault !== undefined) return `names operator ${JSON.stringify(id)}, which ${fault}`;
  }
  return undefined;
}

function operatorFault(operator: Unknown): string | undefined {
  const { parallelism, splits, transactions, snapshots, watermarksMs, finished } = operator;
  if (!isCount(parallelism) || parallelism === 0) return 'has no parallelism';
  if (!isListOf(splits, (split) => typeof split.id === 'string')) return 'has damaged splits';
  if (!Array.isArray(transactions)) return 'has damaged transactions';
  if (!isListOf(snapshots, isSnapshot)) return 'has damaged snapshots';
  if (!isNumbers(watermarksMs)) return 'has damaged watermarks';
  if (!Array.isArray(finished) || !finished.every(isCount)) {
    return 'does not say which tasks have finished';
  }
  return undefined;
}

function isSnapshot(snapshot: Unknown): boolean {
  const { task, states } = snapshot;
  if (!isCount(task) || !('values' in snapshot) || !isListOf(states, isBlobRef)) return false;
  // Changes build on the blob before; each state begins with one that holds everything, and has no second.
  const known = new Set<unknown>();
  return (states as Unknown[]).every(({ state, changes }) => {
    const fits = known.has(state) === (changes === true);
    known.add(state);
    return fits;
  });
}

function isBlobRef(ref: Unknown): boolean {
  const { state, blob, bytes, crc32, groups, changes } = ref;
  if (changes !== undefined && changes !== true) return false;
  const named = typeof state === 'string' && typeof blob === 'string' && isBlobName(blob);
  if (!named || !isCount(bytes) || !isCount(crc32)) return false;
  return isListOf(
    groups,
    ({ group, offset, length, entries }) =>
      isCount(group) &&
      isCount(offset) &&
      isCount(length) &&
      isCount(entries) &&
      offset + length <= bytes,
  );
}

function isInFlightRef(ref: Unknown): boolean {
  const { blob, bytes, crc32, pieces } = ref;
  if (typeof blob !== 'string' || !isBlobName(blob) || !isCount(crc32)) return false;
  if (!isListOf(pieces, isInFlightPiece)) return false;
  return (pieces as { bytes: number }[]).reduce((sum, piece) => sum + piece.bytes, 0) === bytes;
}

function isInFlightPiece({ edge, from, to, at, bytes, count }: Unknown): boolean {
  return [edge, from, to, bytes, count].every(isCount) && (at === 'sender' || at === 'receiver');
}

function isVersion(value: unknown): boolean {
  return isObject(value) && typeof value.ref === 'string' && typeof value.digest === 'string';
}

function isObject(value: unknown): value is Unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNumbers(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'number');
}

function isListOf(value: unknown, check: (entry: Unknown) => boolean): boolean {
  return Array.isArray(value) && value.every((entry) => isObject(entry) && check(entry));
}
