/**
 * Batches that break the ABI, each made from a valid one by a single change, and batches that are valid
 * although no encoder would write them so. Offsets follow `guest-sdk/ABI.md`, section 1.
 */
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { encodeObject, type RowObject } from '../../host/abi/row-object.ts';
import { vectorSchema } from './vector-records.ts';

export interface ChangedBatch {
  readonly name: string;
  readonly record: string;
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Why it is invalid, or what is unusual about it. */
  readonly reason: string;
}

type Change = (view: DataView) => void;

function encoded(record: string, objects: readonly RowObject[]): Uint8Array<ArrayBuffer> {
  const builder = new BatchBuilder();
  for (const object of objects) encodeObject(vectorSchema(record), object, builder);
  return builder.batch().bytes.slice();
}

const set =
  (offset: number, value: number): Change =>
  (view) =>
    view.setUint32(offset, value, true);

const line = { text: 'hello' };
const lines = [line, { text: 'world' }];
const drawing = {
  title: '',
  points: [{ x: 1, y: 2 }],
  labels: [
    { text: 'a', size: 1 },
    { text: 'b', size: null },
  ],
  end: 0,
};
const matrix = { name: '', cells: [[1], [2]], words: [['a']], end: '' };

interface Case {
  readonly record: string;
  readonly objects: readonly RowObject[];
  readonly count?: number;
  readonly cut?: number;
  readonly change?: Change;
  readonly reason: string;
}

const case_ = (record: string, object: RowObject, change: Change, reason: string): Case => ({
  record,
  objects: [object],
  change,
  reason,
});

// A line is 16 header, 8 slot (offset at 16, length at 20), 8 tail: 32 bytes.
const INVALID: Readonly<Record<string, Case>> = {
  'count-too-high': { record: 'Line', objects: lines, count: 3, reason: 'two rows, count 3' },
  'count-too-low': { record: 'Line', objects: lines, count: 1, reason: 'two rows, count 1' },
  'count-without-rows': { record: 'Line', objects: [], count: 1, reason: 'no rows, count 1' },
  'bytes-cut-in-row': { record: 'Line', objects: lines, cut: 8, reason: 'the last row is cut' },
  'bytes-cut-in-header': {
    record: 'Line',
    objects: lines,
    cut: 24,
    reason: 'the last row ends in its header',
  },
  'bytes-not-multiple-of-8': {
    record: 'Line',
    objects: lines,
    cut: 4,
    reason: 'the length of the batch is not a multiple of 8',
  },
  'row-length-zero': case_('Line', line, set(0, 0), 'row length 0'),
  'row-length-below-fixed': case_('Line', line, set(0, 16), 'shorter than header and slots'),
  'row-length-unaligned': case_('Line', line, set(0, 28), 'row length not a multiple of 8'),
  'row-length-beyond': case_('Line', line, set(0, 40), 'row longer than the batch'),
  'row-length-negative': case_('Line', line, set(0, 0xffff_fff8), 'row length from 2^31 up'),
  'row-length-highest-positive': case_('Line', line, set(0, 0x7fff_fff8), 'row length near 2^31'),
  'text-offset-in-header': case_('Line', line, set(16, 0), 'text with offset 0 and a length'),
  'text-offset-in-slots': case_('Line', line, set(16, 16), 'text begins before the tail'),
  'text-offset-beyond': case_('Line', line, set(16, 32), 'text begins at the end of the row'),
  'text-offset-negative': case_('Line', line, set(16, 0xffff_ffff), 'offset 2^32 - 1'),
  'text-length-beyond': case_('Line', line, set(20, 9), 'text ends after the row'),
  'text-length-negative': case_('Line', line, set(20, 0xffff_ffff), 'length 2^32 - 1'),
  'text-wraps-around': case_(
    'Line',
    line,
    (view) => {
      set(16, 0xffff_fff0)(view);
      set(20, 0x18)(view);
    },
    'offset + length is small modulo 2^32',
  ),
  'text-empty-beyond': case_(
    'Line',
    { text: '' },
    set(16, 64),
    'an empty text whose offset is outside the row',
  ),
  'texts-overlap': case_(
    'Texts',
    { first: 'abcdefgh', data: Uint8Array.of(1, 2), second: 'ijklmnop', third: '' },
    (view) => {
      // Both strings claim the whole tail of 24 bytes.
      set(16, 48)(view);
      set(20, 24)(view);
      set(32, 48)(view);
      set(36, 24)(view);
    },
    'pieces together longer than the tail',
  ),
  'text-in-null-words': case_(
    'Mixed',
    { id: 1, note: 'yes', score: 0 },
    set(24, 40),
    'text begins in the null words',
  ),
  'null-text-beyond': case_(
    'Mixed',
    { id: 1, note: null, score: 0 },
    set(28, 5),
    'the slot of a null field is not 0 and points nowhere',
  ),
  // A drawing is 16 header, 4 slots; points at 24, labels at 32, tail at 48.
  'list-offset-unaligned': case_('Drawing', drawing, set(24, 52), 'list at no multiple of 8'),
  'list-offset-in-slots': case_('Drawing', drawing, set(24, 40), 'list begins before the tail'),
  'list-count-beyond': case_('Drawing', drawing, set(28, 1000), 'list ends after the row'),
  'list-count-wraps': case_('Drawing', drawing, set(28, 0x2000_0001), '8 × count wraps 2^32'),
  'list-count-negative': case_('Drawing', drawing, set(28, 0x8000_0000), 'count 2^31'),
  'nested-offset-zero': case_('Drawing', drawing, set(48, 0), 'a list element is record 0, 0'),
  'nested-offset-beyond': case_('Drawing', drawing, set(48, 4096), 'nested row outside the row'),
  'nested-offset-unaligned': case_('Drawing', drawing, set(48, 60), 'nested row unaligned'),
  'nested-length-differs': case_(
    'Drawing',
    drawing,
    set(52, 24),
    'slot and nested row disagree about the length',
  ),
  'nested-row-length-beyond': case_(
    'Drawing',
    drawing,
    (view) => {
      set(52, 4096)(view);
      set(56, 4096)(view);
    },
    'nested row longer than its parent',
  ),
  'nested-text-beyond': case_(
    'Shape',
    { name: '', origin: { x: 0, y: 0 }, label: { text: 'ab', size: null }, tail: '' },
    // Shape 48 bytes fixed, Point 32 bytes at 48, Label at 80: text slot at 96.
    set(100, 64),
    'a text inside a nested row ends after that row',
  ),
  'nested-null-but-required': case_(
    'Shape',
    { name: '', origin: { x: 0, y: 0 }, label: { text: '', size: null }, tail: '' },
    (view) => {
      set(24, 0)(view);
      set(28, 0)(view);
    },
    'a required record with slot 0',
  ),
  // A matrix is 16 header, 4 slots; cells at 24, their slots at 48 and 56.
  'inner-list-beyond': case_('Matrix', matrix, set(52, 100), 'an inner list ends after the row'),
  'inner-list-unaligned': case_('Matrix', matrix, set(48, 66), 'an inner list is unaligned'),
  'inner-list-is-outer': case_(
    'Matrix',
    matrix,
    (view) => {
      set(28, 7)(view);
      for (let i = 0; i < 7; i++) {
        set(48 + 8 * i, 48)(view);
        set(52 + 8 * i, 7)(view);
      }
    },
    'every inner list is the outer one: they overlap',
  ),
  'optional-record-neither': case_(
    'Optionals',
    Object.fromEntries(vectorSchema('Optionals').fields.map(({ name }) => [name, null])),
    // 16 header, 12 slots, one null word at 112: clear the bit of field 11, the record.
    set(112, 0x7ff),
    'an optional record that is not null with slot 0',
  ),
};

const VALID: Readonly<Record<string, Case>> = {
  empty: { record: 'Line', objects: [], reason: 'no rows' },
  'two-lines': { record: 'Line', objects: lines, reason: 'canonical' },
  'tag-set': case_('Line', line, set(4, 0xdead_beef), 'tags are the host’s'),
  'text-shorter-than-its-place': case_('Line', line, set(20, 2), 'bytes that no slot claims'),
  'text-not-first-in-tail': case_(
    'Line',
    line,
    (view) => {
      set(16, 26)(view);
      set(20, 3)(view);
    },
    'text begins later in the tail',
  ),
  'text-empty-with-offset': case_(
    'Line',
    { text: '' },
    set(16, 24),
    'an empty text with the offset of the end of the row',
  ),
  'text-not-utf8': case_(
    'Line',
    line,
    (view) => view.setUint8(24, 0xff),
    'ill-formed UTF-8: readers to text put U+FFFD',
  ),
  'pieces-in-another-order': case_(
    'Texts',
    { first: 'ab', data: Uint8Array.of(), second: 'cd', third: '' },
    (view) => {
      // first and second change places: 48 and 50.
      set(16, 50)(view);
      set(32, 48)(view);
    },
    'tail pieces in another order than fields',
  ),
};

function build([name, { record, objects, ...rest }]: [string, Case]): ChangedBatch {
  const whole = encoded(record, objects);
  rest.change?.(new DataView(whole.buffer));
  const bytes = whole.subarray(0, whole.length - (rest.cut ?? 0));
  return { name, record, count: rest.count ?? objects.length, bytes, reason: rest.reason };
}

export const INVALID_BATCHES: readonly ChangedBatch[] = Object.entries(INVALID).map(build);
export const UNUSUAL_BATCHES: readonly ChangedBatch[] = Object.entries(VALID).map(build);
