import type { ScalarKind } from './schema.ts';

/**
 * Which fields of a row make its key. The key's bytes are, per field in order: nothing but the type's
 * fixed width for numbers, bools and timestamps (8 bytes: the slot), a `u32` length and the bytes for
 * strings and bytes. A null field counts as one byte 0, a present optional one as a byte 1 and its value.
 * Equal bytes are equal keys; nothing is compared as decoded text.
 */
export interface KeySpec {
  readonly fields: readonly KeyField[];
  /** Number of fields of the record, key or not: the null words stand behind that many slots. */
  readonly slots: number;
}

export interface KeyField {
  readonly name: string;
  /** Slot index in the row. */
  readonly index: number;
  readonly kind: ScalarKind;
  readonly optional: boolean;
}
