/**
 * Checks rows whose bytes come from a guest, a file or a network against `guest-sdk/ABI.md`, "Valid form".
 *
 * After it said yes, a reader of the schema finds every length, offset and extent inside the row, and the
 * work of visiting every value is linear in the batch's bytes:
 *
 * V1  Row lengths are multiples of 8, at least the fixed part, at most `ROW_BYTES_MAX`, and add up to the batch.
 * V2  A piece lies in the tail of its row, lists and nested rows at multiples of 8; an empty one may be 0, 0.
 * V3  The pieces of a row are together no longer than its tail. Without this a list of lists that all point at
 *     one inner list would be visited a power of its length times.
 *
 * Not checked: that strings are UTF-8 (readers to text put U+FFFD where they are not), the unused bytes of
 * narrow slots, tags and event times (every value of them is valid).
 *
 * The checks are made once per schema from its variable-width slots alone. Nothing is allocated per row.
 */
import { ROW_BYTES_MAX } from '../limits.ts';
import type { RecordSchema, ValueType } from '../model/schema.ts';
import { fixedBytes, nullsOffset, slotOffset } from './layout.ts';

/** `undefined` = the bytes are `count` valid rows, else what is wrong with the first bad one. */
export type RowValidator = (bytes: Uint8Array, count: number) => string | undefined;

/** The validator of a record type. */
export function createRowValidator(schema: RecordSchema): RowValidator {
  const check = recordCheck(schema, new Map());
  return (bytes, count) => {
    if ((bytes.byteOffset & 7) !== 0) return 'the batch does not start at a multiple of 8';
    if ((bytes.length & 7) !== 0) {
      return `the batch has ${bytes.length} bytes, not a multiple of 8`;
    }
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    if (check.wide.length > 0) return checkRows(check, words, count);
    return check.flat.length === 1
      ? checkSingleRows(check, words, count)
      : checkFlatRows(check, words, count);
  };
}

/** What there is to check in rows of one record type. Offsets and lengths are in 32-bit words. */
interface RecordCheck {
  readonly record: RecordSchema;
  /** Bytes of the fixed part. */
  readonly fixed: number;
  /** Word offsets of the slots of strings and bytes. */
  readonly flat: Int32Array;
  /** Slots that hold lists and records. */
  readonly wide: readonly WideCheck[];
}

interface WideCheck {
  readonly name: string;
  /** Word offset of the slot in the row. */
  readonly slot: number;
  /** Word offset and bit of the null mark, or -1 when the field is required. */
  readonly nullWord: number;
  readonly nullBit: number;
  readonly piece: PieceCheck;
}

/** What a slot of variable width points at, in a row with `fixed` bytes before its tail. Scalar list elements need no check of their own. */
type PieceCheck =
  | { readonly kind: 'bytes'; readonly fixed: number }
  | { readonly kind: 'list'; readonly fixed: number; readonly of: PieceCheck | undefined }
  | { readonly kind: 'record'; readonly fixed: number; readonly check: RecordCheck };

/** Rows with a single string or bytes field, which is what most keyed records are; told what is wrong by `checkFlatRows`. */
function checkSingleRows(check: RecordCheck, words: Int32Array, count: number): string | undefined {
  const { fixed, flat } = check;
  const slot = flat[0];
  const end = words.length;
  let at = 0;
  let rows = 0;
  while (at < end) {
    const length = words[at];
    if (length < fixed || (length & 7) !== 0 || length > ROW_BYTES_MAX) break;
    const next = at + (length >> 2);
    if (next > end) break;
    const offset = words[at + slot];
    const extent = words[at + slot + 1];
    // An extent that ends in the row is no longer than the tail, which is all of V3 for one piece.
    if ((extent < 0 || offset < fixed || offset + extent > length) && (offset | extent) !== 0)
      break;
    at = next;
    rows++;
  }
  return at === end && rows === count ? undefined : checkFlatRows(check, words, count);
}

/** Rows whose only variable-width values are strings and bytes: one loop, no calls. */
function checkFlatRows(check: RecordCheck, words: Int32Array, count: number): string | undefined {
  const { fixed, flat } = check;
  const slots = flat.length;
  const end = words.length;
  let at = 0;
  let rows = 0;
  while (at < end) {
    const length = words[at];
    if (length < fixed || (length & 7) !== 0 || length > ROW_BYTES_MAX || length >> 2 > end - at) {
      return `row ${rows}: ${lengthFault(check, length, (end - at) * 4)}`;
    }
    let room = length - fixed;
    for (let i = 0; i < slots; i++) {
      const slot = at + flat[i];
      const offset = words[slot];
      const extent = words[slot + 1];
      // Both are read signed: anything from 2^31 up is negative and fails.
      if (extent < 0 || offset < fixed || offset + extent > length) {
        if ((offset | extent) !== 0) return `row ${rows}: ${flatFault(check, i)}`;
      }
      room -= extent;
    }
    if (room < 0) return `row ${rows}: ${OVERLAP}`;
    at += length >> 2;
    rows++;
  }
  return rows === count ? undefined : countFault(rows, count);
}

function checkRows(check: RecordCheck, words: Int32Array, count: number): string | undefined {
  const end = words.length;
  let at = 0;
  let rows = 0;
  while (at < end) {
    const length = words[at];
    const fault = checkRow(check, words, at, (end - at) * 4);
    if (fault !== undefined) return `row ${rows}: ${fault}`;
    at += length >> 2;
    rows++;
  }
  return rows === count ? undefined : countFault(rows, count);
}

/** The row at word `at`, which may take up to `bytesMax` bytes. */
function checkRow(
  check: RecordCheck,
  words: Int32Array,
  at: number,
  bytesMax: number,
): string | undefined {
  const { fixed, flat, wide } = check;
  const length = words[at];
  if (length < fixed || (length & 7) !== 0 || length > ROW_BYTES_MAX || length > bytesMax) {
    return lengthFault(check, length, bytesMax);
  }
  let room = length - fixed;
  for (let i = 0; i < flat.length; i++) {
    const offset = words[at + flat[i]];
    const extent = words[at + flat[i] + 1];
    if (extent < 0 || offset < fixed || offset + extent > length) {
      if ((offset | extent) !== 0) return flatFault(check, i);
    }
    room -= extent;
  }
  for (let i = 0; i < wide.length; i++) {
    const field = wide[i];
    const isNull = field.nullWord >= 0 && (words[at + field.nullWord] & field.nullBit) !== 0;
    if (isNull && (words[at + field.slot] | words[at + field.slot + 1]) === 0) continue;
    const used = checkPiece(field.piece, words, at, field.slot);
    if (typeof used === 'string') return `field "${field.name}" ${used}`;
    room -= used;
    // At once: fields that all point at one list are not walked one by one (V3).
    if (room < 0) return OVERLAP;
  }
  return room < 0 ? OVERLAP : undefined;
}

/**
 * The piece that the slot at word `slot` of the row at word `at` points to. Returns the bytes that it takes
 * of the row, those of list elements included, or what is wrong.
 */
function checkPiece(
  piece: PieceCheck,
  words: Int32Array,
  at: number,
  slot: number,
): number | string {
  const length = words[at];
  const offset = words[at + slot];
  const extent = words[at + slot + 1];
  if (piece.kind !== 'record' && (offset | extent) === 0) return 0;
  // A list's extent is a count of 8-byte slots; bounding it first keeps the product exact.
  if (extent < 0 || extent > ROW_BYTES_MAX) return 'reaches beyond its row';
  const bytes = piece.kind === 'list' ? extent * 8 : extent;
  if (offset < piece.fixed || offset + bytes > length) return 'reaches beyond its row';
  if (piece.kind === 'bytes') return bytes;
  if ((offset & 7) !== 0) return 'is not aligned to 8';
  if (piece.kind === 'record') {
    if (words[at + (offset >> 2)] !== extent) return 'has another length than its nested row';
    const fault = checkRow(piece.check, words, at + (offset >> 2), extent);
    return fault === undefined ? bytes : `holds a row that is not valid: ${fault}`;
  }
  return checkElements(piece.of, words, at, slot);
}

/** The elements of a list that itself lies inside its row. Same answer as `checkPiece`. */
function checkElements(
  element: PieceCheck | undefined,
  words: Int32Array,
  at: number,
  slot: number,
): number | string {
  const start = words[at + slot] >> 2;
  const count = words[at + slot + 1];
  let used = count * 8;
  if (element === undefined) return used;
  for (let i = 0; i < count; i++) {
    const inner = checkPiece(element, words, at, start + i * 2);
    if (typeof inner === 'string') return inner;
    used += inner;
    // Stops a list of overlapping lists before it is walked in full (V3).
    if (used > words[at]) return 'overlaps itself';
  }
  return used;
}

const OVERLAP = 'its pieces overlap: together they are longer than the tail of the row';

function lengthFault(check: RecordCheck, length: number, bytesMax: number): string {
  const { fixed, record } = check;
  if (length >= 0 && length < fixed) {
    return `length ${length} is shorter than the ${fixed} bytes of record "${record.name}"`;
  }
  if ((length & 7) !== 0) return `length ${length >>> 0} is not a multiple of 8`;
  if (length >>> 0 > ROW_BYTES_MAX) {
    return `length ${length >>> 0} exceeds the limit of ${ROW_BYTES_MAX} bytes`;
  }
  return `length ${length} exceeds the ${bytesMax} bytes that are left`;
}

function flatFault(check: RecordCheck, index: number): string {
  const slot = (check.flat[index] * 4 - slotOffset(0)) / 8;
  return `field "${check.record.fields[slot].name}" reaches beyond its row`;
}

function countFault(rows: number, count: number): string {
  return `the batch has ${rows} rows, not ${count}`;
}

function recordCheck(record: RecordSchema, known: Map<RecordSchema, RecordCheck>): RecordCheck {
  const made = known.get(record);
  if (made !== undefined) return made;
  const fixed = fixedBytes(record);
  const flat: number[] = [];
  const wide: WideCheck[] = [];
  for (const [index, { name, type }] of record.fields.entries()) {
    const optional = type.kind === 'optional';
    const piece = pieceCheck(optional ? type.of : type, fixed, known);
    if (piece === undefined) continue;
    const slot = slotOffset(index) >> 2;
    if (piece.kind === 'bytes') {
      flat.push(slot);
      continue;
    }
    const nullWord = optional ? (nullsOffset(record) >> 2) + (index >> 5) : -1;
    wide.push({ name, slot, nullWord, nullBit: 1 << (index & 31), piece });
  }
  const check = { record, fixed, flat: Int32Array.from(flat), wide };
  known.set(record, check);
  return check;
}

/** The check of a value of this type, or undefined when its slot is all there is. */
function pieceCheck(
  type: ValueType,
  fixed: number,
  known: Map<RecordSchema, RecordCheck>,
): PieceCheck | undefined {
  switch (type.kind) {
    case 'string':
    case 'bytes':
      return { kind: 'bytes', fixed };
    case 'list':
      return { kind: 'list', fixed, of: pieceCheck(type.of, fixed, known) };
    case 'record':
      return { kind: 'record', fixed, check: recordCheck(type.record, known) };
    default:
      return undefined;
  }
}
