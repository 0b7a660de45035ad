import { MillraceError } from '../errors.ts';
import { ATTEMPTS_REMEMBERED } from '../limits.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { CheckpointName } from './checkpoint-names.ts';

/**
 * Sees to it that one attempt of a job commits, whatever an earlier one still does: it may have been stopped for an hour, or run on
 * another machine, and go on in the middle of anything. Killing it is quicker; this is what makes it right.
 *
 * F1  An attempt begins by creating `attempts/<n>.fence`, which succeeds once: no two processes have the same number.
 * F2  It looks for checkpoints after that, notes in `attempts/<n>.json` which of them count, and has no effect before that note is
 *     durable and it has looked once more for a later fence.
 * F3  After writing a manifest, and before it is told or committed, it looks for a later fence. If there is none, every later attempt
 *     looks for checkpoints after the manifest was there, and finds it. If there is one, the manifest counts only for attempts that
 *     have seen it in time (F4), and it is theirs to commit.
 * F4  What counts is what the newest note says, and the manifests of the attempt that wrote it: nobody after it had an effect.
 */
export interface AttemptFence {
  /** Whether a manifest belongs to the story of the job (F4). */
  counts(name: CheckpointName): boolean;
  /** Notes what this attempt found, and that it has effects from now on (F2). Throws `ATTEMPT_FENCED`, `STORAGE_FAILED`. */
  begin(counted: readonly CheckpointName[]): Promise<void>;
  /** Throws `ATTEMPT_FENCED` when a later attempt has begun. */
  assertHeld(): Promise<void>;
}

/** What an attempt notes when it begins. */
interface Note {
  readonly attempt: number;
  readonly counted: readonly CheckpointName[];
}

const FOLDER = 'attempts/';
const NAME = /^attempts\/(\d+)\.(fence|json)$/;

/**
 * Begins an attempt: from now on earlier ones complete no checkpoint. `owner` is different in every process.
 * Throws `ATTEMPT_FENCED` when the number was used or a later attempt has begun, `STORAGE_FAILED`.
 */
export async function takeFence(
  storage: BlobStore,
  spec: { readonly id: string; readonly attempt: number },
  owner: string,
): Promise<AttemptFence> {
  const { id, attempt } = spec;
  const text = JSON.stringify({ job: id, attempt, owner });
  const made = await storage.create(`${FOLDER}${attempt}.fence`, new TextEncoder().encode(text));
  if (!made) {
    throw new MillraceError(
      'ATTEMPT_FENCED',
      `attempt ${attempt} of job "${id}" has begun before`,
      {
        hint: 'its checkpoints are in use by another process; give this one a data directory, or a prefix for checkpoints, of its own',
      },
    );
  }
  const assertHeld = async () => {
    const later = (await listAttempts(storage)).find((one) => one.attempt > attempt);
    if (later === undefined) return;
    throw new MillraceError(
      'ATTEMPT_FENCED',
      `attempt ${attempt} of job "${id}" is over: attempt ${later.attempt} has begun`,
      { hint: 'the job goes on there; this attempt commits nothing any more' },
    );
  };
  await assertHeld();
  const note = await newestNote(storage, attempt);
  return {
    assertHeld,
    counts: countedBy(note),
    async begin(counted) {
      const bytes = new TextEncoder().encode(JSON.stringify({ attempt, counted } satisfies Note));
      await storage.put(`${FOLDER}${attempt}.json`, bytes);
      await assertHeld();
      await forget(storage, attempt);
    },
  };
}

/** Which manifests belong to the story of a job, for who only looks. Throws `CHECKPOINT_CORRUPT`, `STORAGE_FAILED`. */
export async function readCounted(storage: BlobStore): Promise<AttemptFence['counts']> {
  return countedBy(await newestNote(storage, Number.POSITIVE_INFINITY));
}

/** The latest attempt that has begun; 0 when there was none. */
export async function latestAttempt(storage: BlobStore): Promise<number> {
  return Math.max(0, ...(await listAttempts(storage)).map((one) => one.attempt));
}

interface Listed {
  readonly blob: string;
  readonly attempt: number;
  readonly kind: string;
}

async function listAttempts(storage: BlobStore): Promise<readonly Listed[]> {
  const blobs = await storage.list(FOLDER);
  return blobs.flatMap((blob) => {
    const match = NAME.exec(blob);
    return match === null ? [] : [{ blob, attempt: Number(match[1]), kind: match[2] }];
  });
}

/** Without a note that can be read nothing is known of what counts, and beginning with the wrong checkpoint is worse than not beginning. */
async function newestNote(storage: BlobStore, attempt: number): Promise<Note | undefined> {
  const noted = (await listAttempts(storage))
    .filter((one) => one.kind === 'json' && one.attempt < attempt)
    .sort((a, b) => b.attempt - a.attempt);
  if (noted.length === 0) return undefined;
  const [{ blob, attempt: from }] = noted;
  const note = parseNote(new TextDecoder().decode(await storage.get(blob)));
  if (note?.attempt === from) return note;
  throw new MillraceError('CHECKPOINT_CORRUPT', `"${blob}" of the job is damaged`, {
    hint: 'it says which checkpoints count; remove it if no earlier attempt of the job can still be running',
  });
}

function countedBy(note: Note | undefined): AttemptFence['counts'] {
  return (name) =>
    note === undefined ||
    name.attempt === note.attempt ||
    note.counted.some((one) => isSame(one, name));
}

function parseNote(text: string): Note | undefined {
  let value: Partial<Note> | null;
  try {
    value = JSON.parse(text) as Partial<Note> | null;
  } catch {
    return undefined;
  }
  const { attempt, counted } = value ?? {};
  if (!isCount(attempt) || !Array.isArray(counted)) return undefined;
  const isName = (one: Partial<CheckpointName> | null) =>
    isCount(one?.checkpoint) && isCount(one?.attempt);
  return counted.every(isName) ? { attempt, counted } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSame(a: CheckpointName, b: CheckpointName): boolean {
  return a.checkpoint === b.checkpoint && a.attempt === b.attempt;
}

/** Old fences hold nobody back that the latest does not. What cannot be removed now is removed by the next attempt. */
async function forget(storage: BlobStore, attempt: number): Promise<void> {
  for (const old of await listAttempts(storage)) {
    if (old.attempt > attempt - ATTEMPTS_REMEMBERED) continue;
    await storage.delete(old.blob).catch(() => {});
  }
}
