/**
 * From the bytes of a key back to a row: a record in which only the key's fields are set. Timers and results that stand for
 * a key alone are handed to guests in this form.
 */
import { MillraceError } from '../errors.ts';
import type { Batch } from '../model/batch.ts';
import type { KeyField, KeySpec } from '../model/key-spec.ts';
import type { RecordSchema, ValueType } from '../model/schema.ts';
import { BatchBuilder } from './batch-builder.ts';
import { isVariable } from './key-bytes.ts';
import {
  align8,
  fixedBytes,
  NO_TIME_HIGH,
  nullsOffset,
  ROW_LENGTH_OFFSET,
  ROW_TIME_OFFSET,
  SLOT_BYTES,
  slotOffset,
} from './layout.ts';

export interface KeyRows {
  /**
   * Appends the row of the key whose bytes are `length` bytes of `keys` from `at`: tag 0, no event time, fields outside of the
   * key null where they can be, otherwise 0, false or empty. Returns where the row starts. Throws `CHECKPOINT_CORRUPT`:
   * keys come back from storage.
   */
  append(out: BatchBuilder, keys: Uint8Array, at: number, length: number): number;
}

/** Writes rows of `record` for keys of `key`, which are fields of the same record. */
export function createKeyRows(record: RecordSchema, key: KeySpec): KeyRows {
  const empty = emptyRow(record, new Set(key.fields.map(({ index }) => index)));
  const nulls = nullsOffset(record);
  return {
    append(out, keys, at, length) {
      // A value is not longer than what spells it in the key.
      const start = out.reserve(empty.length + align8(length));
      out.bytes.set(empty, start);
      const { bytes, view } = out;
      const end = at + length;
      let from = at;
      let tail = empty.length;
      for (const field of key.fields) {
        if (field.optional) {
          if (from >= end || keys[from] > 1) throw unreadable();
          if (keys[from++] === 0) {
            bytes[start + nulls + (field.index >> 3)] |= 1 << (field.index & 7);
            continue;
          }
        }
        const slot = start + slotOffset(field.index);
        const valueBytes = valueLength(field, keys, from, end);
        if (!isVariable(field)) {
          for (let i = 0; i < SLOT_BYTES; i++) bytes[slot + i] = keys[from + i];
          from += SLOT_BYTES;
          continue;
        }
        from += 4;
        for (let i = 0; i < valueBytes; i++) bytes[start + tail + i] = keys[from + i];
        view.setUint32(slot, valueBytes === 0 ? 0 : tail, true);
        view.setUint32(slot + 4, valueBytes, true);
        from += valueBytes;
        tail += valueBytes;
      }
      if (from !== end) throw unreadable();
      const rowBytes = align8(tail);
      bytes.fill(0, start + tail, start + rowBytes);
      view.setUint32(start + ROW_LENGTH_OFFSET, rowBytes, true);
      out.commit(rowBytes, 1);
      return start;
    },
  };
}

/** The row of one key, by itself. */
export function keyRow(record: RecordSchema, key: KeySpec, bytes: Uint8Array): Batch {
  const out = new BatchBuilder();
  createKeyRows(record, key).append(out, bytes, 0, bytes.length);
  return out.batch();
}

/** Bytes of a field's value in the key, which reaches to `end`. */
function valueLength(field: KeyField, keys: Uint8Array, from: number, end: number): number {
  const head = isVariable(field) ? 4 : SLOT_BYTES;
  if (end - from < head) throw unreadable();
  if (!isVariable(field)) return SLOT_BYTES;
  const length =
    (keys[from] | (keys[from + 1] << 8) | (keys[from + 2] << 16) | (keys[from + 3] << 24)) >>> 0;
  if (length > end - from - 4) throw unreadable();
  return length;
}

/** A row without values: null what can be null and is not of the key, an empty row in each record field. */
function emptyRow(record: RecordSchema, key: ReadonlySet<number>): Uint8Array {
  const fixed = new Uint8Array(fixedBytes(record));
  const nested: Uint8Array[] = [];
  let length = fixed.length;
  const view = new DataView(fixed.buffer);
  for (const [index, { type }] of record.fields.entries()) {
    if (type.kind === 'optional' && !key.has(index)) {
      fixed[nullsOffset(record) + (index >> 3)] |= 1 << (index & 7);
    }
    const row = nestedRow(type);
    if (row === undefined) continue;
    view.setUint32(slotOffset(index), length, true);
    view.setUint32(slotOffset(index) + 4, row.length, true);
    nested.push(row);
    length += row.length;
  }
  view.setUint32(ROW_LENGTH_OFFSET, length, true);
  view.setInt32(ROW_TIME_OFFSET + 4, NO_TIME_HIGH, true);
  return new Uint8Array(Buffer.concat([fixed, ...nested]));
}

function nestedRow(type: ValueType): Uint8Array | undefined {
  return type.kind === 'record' ? emptyRow(type.record, new Set()) : undefined;
}

function unreadable(): MillraceError {
  return new MillraceError('CHECKPOINT_CORRUPT', 'the bytes of a stored key cannot be read', {
    hint: 'restore an older checkpoint or a savepoint; the key of a step with state cannot be changed',
  });
}
