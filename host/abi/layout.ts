import type { RecordSchema } from '../model/schema.ts';

/**
 * Where things are in a row (`guest-sdk/ABI.md`, section 1).
 *
 *      0        4        8                16            16 + 8n        16 + 8n + 8w
 *      ┌────────┬────────┬────────────────┬─────────────┬──────────────┬───────────┐
 *      │ length │ tag    │ event time     │ n slots     │ w null words │ tail      │
 *      └────────┴────────┴────────────────┴─────────────┴──────────────┴───────────┘
 */
export const ROW_LENGTH_OFFSET = 0;
export const ROW_TAG_OFFSET = 4;
export const ROW_TIME_OFFSET = 8;
export const ROW_HEADER_BYTES = 16;
export const SLOT_BYTES = 8;

/** The high half of `-2^63`, the event time of a record that has none; the low half is 0. */
export const NO_TIME_HIGH = -0x8000_0000;

/** Offset of the slot of field `index`. */
export function slotOffset(index: number): number {
  return ROW_HEADER_BYTES + SLOT_BYTES * index;
}

/** Number of 64-bit null words of a record. */
export function nullWords(record: RecordSchema): number {
  const hasOptional = record.fields.some((field) => field.type.kind === 'optional');
  return hasOptional ? Math.ceil(record.fields.length / 64) : 0;
}

/** Offset of the first null word. */
export function nullsOffset(record: RecordSchema): number {
  return slotOffset(record.fields.length);
}

/** Bytes before the tail: header, slots and null words. The shortest row of this record. */
export function fixedBytes(record: RecordSchema): number {
  return nullsOffset(record) + SLOT_BYTES * nullWords(record);
}

/** `bytes` rounded up to a multiple of 8. */
export function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}
