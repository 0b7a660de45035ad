import { KEY_BYTES_MAX } from '../limits.ts';
import type { KeySpec } from '../model/key-spec.ts';
import type { BatchBuilder } from './batch-builder.ts';
import { isVariable, keyTooLarge } from './key-bytes.ts';
import { SLOT_BYTES, slotOffset } from './layout.ts';

/**
 * Appends the key bytes of the row at `at`, as `keyBytesOf` gives them, to `out`, unpadded; returns how many. For steps that need
 * the key of many rows: nothing is made per key. The rows were validated. Throws `RECORD_TOO_LARGE`.
 */
export function copyKey(out: BatchBuilder, rows: DataView, at: number, key: KeySpec): number {
  const start = out.length;
  for (const field of key.fields) {
    const slot = at + slotOffset(field.index);
    if (field.optional) {
      const nulls = at + slotOffset(key.slots) + (field.index >> 3);
      const present = ((rows.getUint8(nulls) >> (field.index & 7)) & 1) === 0;
      const flag = out.reserve(1);
      out.bytes[flag] = present ? 1 : 0;
      out.commit(1, 0);
      if (!present) continue;
    }
    if (isVariable(field)) {
      const from = at + rows.getUint32(slot, true);
      const length = rows.getUint32(slot + 4, true);
      if (out.length - start + 4 + length > KEY_BYTES_MAX) throw keyTooLarge();
      const to = out.reserve(4 + length);
      // Not aligned: other bytes of the key may stand before.
      for (let i = 0; i < 4; i++) out.bytes[to + i] = (length >>> (8 * i)) & 0xff;
      for (let i = 0; i < length; i++) out.bytes[to + 4 + i] = rows.getUint8(from + i);
      out.commit(4 + length, 0);
    } else {
      const to = out.reserve(SLOT_BYTES);
      for (let i = 0; i < SLOT_BYTES; i++) out.bytes[to + i] = rows.getUint8(slot + i);
      out.commit(SLOT_BYTES, 0);
    }
  }
  return out.length - start;
}
