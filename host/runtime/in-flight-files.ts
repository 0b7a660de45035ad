import { crc32 } from 'node:zlib';
import { ROW_HEADER_BYTES, ROW_LENGTH_OFFSET } from '../abi/layout.ts';
import { MillraceError } from '../errors.ts';
import type { Batch } from '../model/batch.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { checkpointPrefix } from './checkpoint-names.ts';
import type { InFlightBatch } from './in-flight.ts';
import type { InFlightPiece, InFlightRef } from './manifest.ts';

export interface InFlightPlace {
  readonly checkpoint: number;
  readonly attempt: number;
  /** The first operator of the task's chain. */
  readonly chain: string;
  readonly task: number;
}

/** Makes what an unaligned barrier has overtaken in one task durable, in one blob; undefined = it was nothing. */
export async function writeInFlight(
  storage: BlobStore,
  place: InFlightPlace,
  batches: readonly InFlightBatch[],
): Promise<InFlightRef | undefined> {
  if (batches.length === 0) return undefined;
  const { checkpoint, attempt, chain, task } = place;
  const blob = `${checkpointPrefix(checkpoint)}${chain}-${task}-a${attempt}.rows`;
  const parts = batches.map(({ batch }) => batch.bytes);
  await storage.put(blob, parts);
  return {
    blob,
    bytes: parts.reduce((sum, part) => sum + part.length, 0),
    crc32: parts.reduce((sum, part) => crc32(part, sum), 0),
    pieces: batches.map(({ channel, at, batch }) => ({
      ...channel,
      at,
      bytes: batch.bytes.length,
      count: batch.count,
    })),
  };
}

/** Reads it back, piece by piece. Throws `CHECKPOINT_CORRUPT` unless it is what the manifest says, `BLOB_NOT_FOUND`, `STORAGE_FAILED`. */
export async function readInFlight(
  storage: BlobStore,
  ref: InFlightRef,
): Promise<readonly { readonly piece: InFlightPiece; readonly batch: Batch }[]> {
  const bytes = await storage.get(ref.blob);
  if (bytes.length !== ref.bytes || crc32(bytes) !== ref.crc32) throw damaged(ref);
  let at = 0;
  return ref.pieces.map((piece) => {
    const batch = { bytes: bytes.slice(at, at + piece.bytes), count: piece.count };
    if (!holdsRows(batch)) throw damaged(ref);
    at += piece.bytes;
    return { piece, batch };
  });
}

/** Whether the rows of a batch follow one another to its end. */
function holdsRows({ bytes, count }: Batch): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let row = 0; row < count; row += 1) {
    if (bytes.length - at < ROW_HEADER_BYTES) return false;
    const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
    if (length < ROW_HEADER_BYTES || length % 8 !== 0 || length > bytes.length - at) return false;
    at += length;
  }
  return at === bytes.length;
}

function damaged({ blob }: InFlightRef): MillraceError {
  return new MillraceError('CHECKPOINT_CORRUPT', `blob "${blob}" is damaged`, {
    hint: 'it differs from the manifest; an earlier checkpoint is used if there is one',
  });
}
