import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { OPERATOR_KINDS } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import type { KeyedSnapshot } from '../state/state-table.ts';
import { isBlobName } from '../storage/blob-name.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { SAVEPOINT_FILE, type SavedModule, type Savepoint } from './savepoint.ts';
import { readStateBlob } from './snapshot-files.ts';

/**
 * `savepoint.json` is two lines, so that not a bit of it changes unnoticed:
 *
 *     {"savepoint":1,"sha256":"<of the second line, without its line end>"}
 *     {"format":1,"job":…}
 */
export function encodeSavepoint(savepoint: Savepoint): Uint8Array {
  const body = JSON.stringify(savepoint);
  return new TextEncoder().encode(
    `${JSON.stringify({ savepoint: 1, sha256: sha256(body) })}\n${body}\n`,
  );
}

/** Reads what a savepoint is. Throws `SAVEPOINT_NOT_FOUND`, `CHECKPOINT_CORRUPT`, `STORAGE_FAILED`. */
export async function readSavepoint(store: BlobStore, place: string): Promise<Savepoint> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(SAVEPOINT_FILE);
  } catch (thrown) {
    if (MillraceError.from(thrown).code !== 'BLOB_NOT_FOUND') throw thrown;
    throw new MillraceError('SAVEPOINT_NOT_FOUND', `there is no savepoint at "${place}"`, {
      hint: `a savepoint is a folder with a "${SAVEPOINT_FILE}"; without it, it was never completed`,
      cause: thrown,
    });
  }
  const savepoint = decode(bytes);
  if (savepoint !== undefined) return savepoint;
  throw new MillraceError('CHECKPOINT_CORRUPT', `"${SAVEPOINT_FILE}" of "${place}" is damaged`, {
    hint: 'its checksum or form is wrong; copy the savepoint again, or use another one',
  });
}

/** Reads every blob that a savepoint names. Throws `CHECKPOINT_CORRUPT`, `STORAGE_FAILED`. */
export async function verifySavepoint(store: BlobStore, savepoint: Savepoint): Promise<void> {
  for (const module of savepoint.modules) await readSavedModule(store, module);
  for (const { snapshots } of savepoint.operators) {
    for (const ref of snapshots.flatMap((one) => one.states)) await readSavedState(store, ref);
  }
}

/** The bytes of a module of a savepoint. They are an upload like any other: the gate has to see them. */
export async function readSavedModule(store: BlobStore, module: SavedModule): Promise<Uint8Array> {
  const bytes = await present(store.get(module.blob));
  if (bytes.length === module.bytes && crc32(bytes) === module.crc32) return bytes;
  throw damaged(`blob "${module.blob}" is damaged`);
}

/** A state blob of a savepoint. */
export function readSavedState(
  store: BlobStore,
  ref: Parameters<typeof readStateBlob>[1],
): Promise<KeyedSnapshot> {
  return present(readStateBlob(store, ref));
}

/** A blob that is missing is a damaged savepoint. */
async function present<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (thrown) {
    const { code, message } = MillraceError.from(thrown);
    throw code === 'BLOB_NOT_FOUND' ? damaged(message, thrown) : thrown;
  }
}

function damaged(message: string, cause?: unknown): MillraceError {
  return new MillraceError('CHECKPOINT_CORRUPT', message, {
    hint: 'it differs from what "savepoint.json" says; copy the savepoint again, or use another one',
    cause,
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function decode(bytes: Uint8Array): Savepoint | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const [head, body, ...rest] = text.split('\n');
    const { savepoint, sha256: sum } = JSON.parse(head) as Record<string, unknown>;
    if (savepoint !== 1 || sum !== sha256(body) || rest.join('\n') !== '') return undefined;
    return savepointSchema.parse(JSON.parse(body)) as Savepoint;
  } catch {
    return undefined;
  }
}

const count = z.int().min(0);
const name = z.string().max(256);
const kinds = ['bool', 'i32', 'u32', 'i64', 'u64', 'f32', 'f64', 'string', 'bytes', 'timestamp'];
const scalar = z.enum(kinds);
const recordSchema: z.ZodType = z.lazy(() =>
  z.object({ name, fields: z.array(z.object({ name, type: valueType })) }),
);
const valueType: z.ZodType = z.lazy(() =>
  z.union([
    z.object({ kind: scalar }),
    z.object({ kind: z.enum(['optional', 'list']), of: valueType }),
    z.object({ kind: z.literal('record'), record: recordSchema }),
  ]),
);
const version = z.object({ ref: z.string(), digest: z.string() });
/** Blobs are looked for inside of the savepoint only. */
const blob = z.object({ blob: z.string().refine(isBlobName), bytes: count, crc32: count });
const piece = z.object({ group: count, offset: count, length: count, entries: count });
const stateBlob = blob
  .extend({ state: name, groups: z.array(piece) })
  .refine(({ bytes, groups }) => groups.every((one) => one.offset + one.length <= bytes));
const operator = z.object({
  id: name,
  kind: z.enum(OPERATOR_KINDS),
  connector: z.string().nullable(),
  options: z.json(),
  function: z.string().nullable(),
  input: recordSchema.nullable(),
  output: recordSchema.nullable(),
  state: recordSchema.nullable(),
  key: z.array(z.object({ name, index: count, kind: scalar, optional: z.boolean() })),
  parallelism: z.int().min(1),
  splits: z.array(z.object({ id: z.string(), spec: z.json(), position: z.json().optional() })),
  snapshots: z.array(z.object({ task: count, values: z.json(), states: z.array(stateBlob) })),
  watermarksMs: z.array(z.number()),
  finished: z.array(count),
});
const savepointSchema = z.object({
  format: z.literal(1),
  job: z.string(),
  checkpoint: count,
  takenAtMs: z.number(),
  keyGroups: z.int().min(1),
  final: z.boolean(),
  baseDirectory: z.string(),
  pipeline: z.json(),
  aliases: z.record(z.string(), z.string()),
  steps: z.record(z.string(), version),
  modules: z.array(version.extend(blob.shape)),
  operators: z.array(operator),
});
