import { crc32 } from 'node:zlib';
import { HTTP_KEY_LIFE_MS, HTTP_KEYS_MAX } from '../../server-limits.ts';
import { BODY_DIGEST_BYTES, KEY_DIGEST_BYTES, type LogBatch } from './log-batch.ts';

/** What a request with an idempotency key left in the log. */
export type KeyedBatch = Pick<LogBatch, 'key' | 'body' | 'position' | 'count' | 'atMs'>;

/** Key, body, position, count and time of one entry of the file. */
const ENTRY_BYTES = KEY_DIGEST_BYTES + BODY_DIGEST_BYTES + 8 + 8 + 8;
const HEADER_BYTES = 16;
const MAGIC = 0x3159_454b;

/** The requests of a log that are known again by their idempotency keys: the latest `HTTP_KEYS_MAX`, for `HTTP_KEY_LIFE_MS`. */
export class RememberedKeys {
  /** In the order of their positions. */
  readonly #byKey = new Map<string, KeyedBatch>();

  /** The batch of an earlier request with this key. */
  find(key: string, nowMs: number): KeyedBatch | undefined {
    const found = this.#byKey.get(key);
    return found !== undefined && nowMs - found.atMs <= HTTP_KEY_LIFE_MS ? found : undefined;
  }

  add({ key, body, position, count, atMs }: KeyedBatch): void {
    if (key === '') return;
    this.#byKey.delete(key);
    this.#byKey.set(key, { key, body, position, count, atMs });
    if (this.#byKey.size <= HTTP_KEYS_MAX) return;
    for (const oldest of this.#byKey.keys()) {
      this.#byKey.delete(oldest);
      return;
    }
  }

  /**
   * The keys that are known now, as a file. Little endian:
   *
   *      0  u32 magic   4  u32 entries   8  u32 CRC-32 of the entries   12  u32 zero
   *     16  entries: 16 bytes key digest, 8 bytes body digest, f64 position, f64 count, f64 time
   */
  encode(): Uint8Array {
    const bytes = Buffer.alloc(HEADER_BYTES + this.#byKey.size * ENTRY_BYTES);
    let at = HEADER_BYTES;
    for (const { key, body, position, count, atMs } of this.#byKey.values()) {
      bytes.write(key, at, 'hex');
      bytes.write(body, at + KEY_DIGEST_BYTES, 'hex');
      const numbers = at + KEY_DIGEST_BYTES + BODY_DIGEST_BYTES;
      bytes.writeDoubleLE(position, numbers);
      bytes.writeDoubleLE(count, numbers + 8);
      bytes.writeDoubleLE(atMs, numbers + 16);
      at += ENTRY_BYTES;
    }
    bytes.writeUInt32LE(MAGIC, 0);
    bytes.writeUInt32LE(this.#byKey.size, 4);
    bytes.writeUInt32LE(crc32(bytes.subarray(HEADER_BYTES)), 8);
    return bytes;
  }

  /** Takes in a file of keys; false = it is damaged. No bytes at all are a file without keys. */
  load(file: Uint8Array): boolean {
    if (file.length === 0) return true;
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
    if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return false;
    if (bytes.length !== HEADER_BYTES + bytes.readUInt32LE(4) * ENTRY_BYTES) return false;
    if (bytes.readUInt32LE(8) !== crc32(bytes.subarray(HEADER_BYTES))) return false;
    for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
      const numbers = at + KEY_DIGEST_BYTES + BODY_DIGEST_BYTES;
      this.add({
        key: bytes.toString('hex', at, at + KEY_DIGEST_BYTES),
        body: bytes.toString('hex', at + KEY_DIGEST_BYTES, numbers),
        position: bytes.readDoubleLE(numbers),
        count: bytes.readDoubleLE(numbers + 8),
        atMs: bytes.readDoubleLE(numbers + 16),
      });
    }
    return true;
  }
}
