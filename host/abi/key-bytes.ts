import assert from 'node:assert';
import { MillraceError } from '../errors.ts';
import { KEY_BYTES_MAX } from '../limits.ts';
import type { KeyField, KeySpec } from '../model/key-spec.ts';
import { ROW_LENGTH_OFFSET, SLOT_BYTES, slotOffset } from './layout.ts';

/**
 * The key bytes of the row at `at`, as `model/key-spec.ts` draws them: the reference for what the kernels do in
 * WebAssembly. A row was validated when it came in, so one that does not hold its key is a fault of ours. Throws
 * `RECORD_TOO_LARGE`: the strings of a row may share bytes, so a key can be longer than its row.
 */
export function keyBytesOf(view: DataView, at: number, key: KeySpec): Uint8Array {
  const rowBytes = view.getUint32(at + ROW_LENGTH_OFFSET, true);
  assert(at + rowBytes <= view.byteLength, 'a row ends behind its batch');
  const out: number[] = [];
  for (const field of key.fields) {
    if (field.optional) {
      const present = !isNull(view, at, key, field.index);
      out.push(present ? 1 : 0);
      if (!present) continue;
    }
    appendValue(view, { at, rowBytes }, field, out);
  }
  return Uint8Array.from(out);
}

/** Whether the bytes of a field's value have a length of their own. */
export function isVariable(field: KeyField): boolean {
  return field.kind === 'string' || field.kind === 'bytes';
}

/** What both lives of the kernel and of the state table throw. */
export function keyTooLarge(): MillraceError {
  return new MillraceError('RECORD_TOO_LARGE', `a key exceeds ${KEY_BYTES_MAX} bytes`, {
    hint: 'key by fewer or shorter fields',
  });
}

function isNull(view: DataView, at: number, key: KeySpec, index: number): boolean {
  const word = slotOffset(key.slots) + SLOT_BYTES * Math.floor(index / 64);
  const byte = view.getUint8(at + word + Math.floor((index % 64) / 8));
  return ((byte >> (index % 8)) & 1) === 1;
}

function appendValue(
  view: DataView,
  row: { readonly at: number; readonly rowBytes: number },
  field: KeyField,
  out: number[],
): void {
  const slot = slotOffset(field.index);
  assert(slot + SLOT_BYTES <= row.rowBytes, 'a row is shorter than its slots');
  if (!isVariable(field)) {
    for (let i = 0; i < SLOT_BYTES; i++) out.push(view.getUint8(row.at + slot + i));
    return;
  }
  const offset = view.getUint32(row.at + slot, true);
  const length = view.getUint32(row.at + slot + 4, true);
  if (out.length + 4 + length > KEY_BYTES_MAX) throw keyTooLarge();
  assert(offset + length <= row.rowBytes, 'a value ends behind its row');
  for (let i = 0; i < 4; i++) out.push(view.getUint8(row.at + slot + 4 + i));
  for (let i = 0; i < length; i++) out.push(view.getUint8(row.at + offset + i));
}
