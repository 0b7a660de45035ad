import { crc32 } from 'node:zlib';

/**
 * One entry of an ingest log: the records of one request, or the end of the input.
 *
 *      0  u32  magic
 *      4  u32  bytes of rows that follow the header, a multiple of 8
 *      8  u32  records
 *     12  u32  kind: 0 = records, 1 = the end of the input
 *     16  f64  position: offset of this header in the log
 *     24  f64  milliseconds since the epoch when it was appended
 *     32  16 bytes  digest of the idempotency key; zeros = none
 *     48   8 bytes  digest of the request's body
 *     56  u32  CRC-32 of the rows
 *     60  u32  CRC-32 of bytes 0 to 60
 *     64  rows
 *
 * The position is in the entry so that what an older file left on the disk is never taken for an entry of this place.
 */
export interface LogBatch {
  readonly kind: 'records' | 'end';
  readonly position: number;
  readonly count: number;
  readonly atMs: number;
  /** Of the idempotency key, hex; empty = none. */
  readonly key: string;
  /** Of the request's body, hex. */
  readonly body: string;
  readonly rowBytes: number;
}

export const HEADER_BYTES = 64;
export const KEY_DIGEST_BYTES = 16;
export const BODY_DIGEST_BYTES = 8;
const MAGIC = 0x3142_524d;
const NO_KEY = '00'.repeat(KEY_DIGEST_BYTES);

/** The header of a batch with these rows. */
export function encodeBatchHeader(batch: LogBatch, rows: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(rows.length, 4);
  bytes.writeUInt32LE(batch.count, 8);
  bytes.writeUInt32LE(batch.kind === 'end' ? 1 : 0, 12);
  bytes.writeDoubleLE(batch.position, 16);
  bytes.writeDoubleLE(batch.atMs, 24);
  bytes.write(batch.key === '' ? NO_KEY : batch.key, 32, 'hex');
  bytes.write(batch.body, 48, 'hex');
  bytes.writeUInt32LE(crc32(rows), 56);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** The batch whose header begins `bytes`, or undefined when there is none of this position. */
export function decodeBatchHeader(bytes: Uint8Array, position: number): LogBatch | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (header.readUInt32LE(0) !== MAGIC) return undefined;
  if (header.readUInt32LE(60) !== crc32(header.subarray(0, 60))) return undefined;
  if (header.readDoubleLE(16) !== position) return undefined;
  const key = header.toString('hex', 32, 32 + KEY_DIGEST_BYTES);
  return {
    kind: header.readUInt32LE(12) === 1 ? 'end' : 'records',
    position,
    count: header.readUInt32LE(8),
    atMs: header.readDoubleLE(24),
    key: key === NO_KEY ? '' : key,
    body: header.toString('hex', 48, 48 + BODY_DIGEST_BYTES),
    rowBytes: header.readUInt32LE(4),
  };
}

/** Whether the rows behind a header are those it was written with. */
export function rowsAreWhole(header: Uint8Array, rows: Uint8Array): boolean {
  return (
    Buffer.from(header.buffer, header.byteOffset, HEADER_BYTES).readUInt32LE(56) === crc32(rows)
  );
}
