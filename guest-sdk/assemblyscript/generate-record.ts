/**
 * The members that a @record class gets in place of its fields.
 *
 * A view is an object with the address of a row (`__mr_row`, its first word) and one word per field
 * that is decoded (`__mr_f<index>`). Bit k of `__mr_have` says that the k-th of these is decoded, of
 * `__mr_dirty` that it was set; moving a view to another row is three stores.
 */
import type { FieldModel, FieldType, RecordModel } from './module-model.ts';

const HEADER_BYTES = 16;
const SLOT_BYTES = 8;
/** Fixed parts up to this are copied without a loop. */
const UNROLLED_BYTES_MAX = 128;
/** Fields that one mask word covers. */
const MASK_BITS = 64;

type ReferenceType = Extract<FieldType, { kind: 'reference' }>;

interface Layout {
  readonly fixedBytes: number;
  readonly nullsOffset: number;
  readonly maskWords: number;
}

/** Class text; `__mr_default_<index>` stands for the user's default of that field. */
export function generateRecord(record: RecordModel): string {
  const layout = layoutOf(record);
  const decoded = record.fields.filter((field) => field.type.kind !== 'scalar');
  const bits = new Map(decoded.map((field, bit) => [field, bit]));
  const members = record.fields.map((field) => accessors(field, layout, bits.get(field) ?? -1));
  const words = [...Array(layout.maskWords).keys()];
  return `class ${record.name} {
    __mr_row: usize;
    ${words.map((word) => `__mr_have${word}: u64; __mr_dirty${word}: u64;`).join('\n')}
    ${decoded.map((field) => `__mr_f${field.index}: usize;`).join('\n')}
    ${constructorText(record, layout, bits)}
    ${members.join('\n')}
    @inline __mr_move(row: usize): void {
      this.__mr_row = row;
      ${words.map((word) => `this.__mr_have${word} = 0; this.__mr_dirty${word} = 0;`).join('\n')}
    }
    ${cleanText(layout, bits)}
    ${boundText(layout, bits)}
    ${writeText(layout, bits)}
  }`;
}

export function defaultName(field: FieldModel): string {
  return `__mr_default_${field.index}`;
}

function layoutOf(record: RecordModel): Layout {
  const count = record.fields.length;
  const optional = record.fields.some((field) => field.type.schema.startsWith('optional<'));
  const nullsOffset = HEADER_BYTES + SLOT_BYTES * count;
  const nullBytes = optional ? SLOT_BYTES * Math.ceil(count / 64) : 0;
  const decoded = record.fields.filter((field) => field.type.kind !== 'scalar').length;
  return {
    nullsOffset,
    fixedBytes: nullsOffset + nullBytes,
    maskWords: Math.ceil(decoded / MASK_BITS),
  };
}

function slotOf(field: FieldModel): number {
  return HEADER_BYTES + SLOT_BYTES * field.index;
}

/** Byte and bit of a field's null flag, relative to the row. */
function nullOf(field: FieldModel, layout: Layout): { byte: number; mask: number } {
  return { byte: layout.nullsOffset + (field.index >> 3), mask: 1 << (field.index & 7) };
}

function maskOf(bit: number): { word: number; mask: string } {
  return {
    word: Math.floor(bit / MASK_BITS),
    mask: `(<u64>1 << ${bit % MASK_BITS})`,
  };
}

function constructorText(
  record: RecordModel,
  layout: Layout,
  bits: ReadonlyMap<FieldModel, number>,
): string {
  const lines = record.fields.map((field) => {
    const { type, name, initializer } = field;
    const nullBit = nullOf(field, layout);
    const setNull = `store<u8>(this.__mr_row + ${nullBit.byte}, load<u8>(this.__mr_row + ${nullBit.byte}) | ${nullBit.mask});`;
    const isNull =
      type.kind === 'optional' || (type.kind === 'reference' && type.nullable) ? setNull : '';
    if (initializer !== null) return `${isNull} this.${name} = ${defaultName(field)};`;
    if (isNull !== '' || type.kind !== 'reference' || type.shape !== 'record') return isNull;
    // A record in a record is never absent: it is made when it is asked for or written out.
    const { word, mask } = maskOf(bits.get(field)!);
    return `this.__mr_have${word} |= ${mask}; this.__mr_dirty${word} |= ${mask};`;
  });
  return `constructor() {
    this.__mr_row = __mr_new_row(${layout.fixedBytes});
    ${lines.join('\n')}
  }`;
}

function accessors(field: FieldModel, layout: Layout, bit: number): string {
  const { type, name } = field;
  const slot = slotOf(field);
  if (type.kind === 'scalar') {
    return `@inline get ${name}(): ${type.code} { return load<${type.code}>(this.__mr_row, ${slot}); }
    @inline set ${name}(value: ${type.code}) { store<${type.code}>(this.__mr_row, value, ${slot}); }`;
  }
  const { word, mask } = maskOf(bit);
  const storage = `this.__mr_f${field.index}`;
  if (type.kind === 'optional') {
    const { byte, mask: nullMask } = nullOf(field, layout);
    const argument = type.code.slice(type.code.indexOf('<') + 1, -1);
    const make = `__mr_optional<${argument}>(changetype<usize>(this), ${slot}, ${byte}, ${nullMask})`;
    return `get ${name}(): ${type.code} {
      if ((this.__mr_have${word} & ${mask}) == 0) {
        ${storage} = changetype<usize>(${make});
        this.__mr_have${word} |= ${mask};
      }
      return changetype<${type.code}>(${storage});
    }
    set ${name}(value: ${type.code}) { this.${name}.assign(value); }`;
  }
  return referenceAccessors(field, type, layout, bit);
}

function referenceAccessors(
  field: FieldModel,
  type: ReferenceType,
  layout: Layout,
  bit: number,
): string {
  const { name } = field;
  const { word, mask } = maskOf(bit);
  const storage = `this.__mr_f${field.index}`;
  const declared = type.nullable ? `${type.code} | null` : type.code;
  const nullBit = nullOf(field, layout);
  const decode = `changetype<usize>(__mr_get<${type.code}>(this.__mr_row, this.__mr_row + ${slotOf(field)}))`;
  const orNull = type.nullable
    ? `(load<u8>(this.__mr_row + ${nullBit.byte}) & ${nullBit.mask}) != 0 ? 0 : ${decode}`
    : decode;
  const makeMissing =
    type.shape === 'record' && !type.nullable
      ? `else if (${storage} == 0) ${storage} = changetype<usize>(new ${type.code}());`
      : '';
  return `get ${name}(): ${declared} {
    if ((this.__mr_have${word} & ${mask}) == 0) {
      ${storage} = ${orNull};
      this.__mr_have${word} |= ${mask};
    } ${makeMissing}
    return changetype<${declared}>(${storage});
  }
  set ${name}(value: ${declared}) {
    ${storage} = changetype<usize>(value);
    this.__mr_have${word} |= ${mask};
    this.__mr_dirty${word} |= ${mask};
  }`;
}

/** Whether the row as it lies in memory is the record. */
function cleanText(layout: Layout, bits: ReadonlyMap<FieldModel, number>): string {
  const watched = Array<bigint>(layout.maskWords).fill(0n);
  const nested: string[] = [];
  for (const [field, bit] of bits) {
    if (field.type.kind !== 'reference' || !field.type.mutable) continue;
    const { word, mask } = maskOf(bit);
    if (field.type.shape === 'record') {
      const storage = `this.__mr_f${field.index}`;
      const child = `changetype<${field.type.code}>(${storage})`;
      nested.push(
        `if ((this.__mr_have${word} & ${mask}) != 0 && ${storage} != 0 && !${child}.__mr_clean()) return false;`,
      );
    } else {
      watched[word] |= 1n << BigInt(bit % MASK_BITS);
    }
  }
  const words = watched.map(
    (mask, word) =>
      `if ((this.__mr_dirty${word} | (this.__mr_have${word} & <u64>0x${mask.toString(16)})) != 0) return false;`,
  );
  return `__mr_clean(): bool { ${words.join('\n')} ${nested.join('\n')} return true; }`;
}

/** Text of the condition that a field is written from its object and not copied from the row. */
function changedText(type: ReferenceType, bit: number): string {
  const { word, mask } = maskOf(bit);
  const which = type.mutable ? 'have' : 'dirty';
  return `(this.__mr_${which}${word} & ${mask}) != 0`;
}

function objectText(field: FieldModel, type: ReferenceType): string {
  const storage = `this.__mr_f${field.index}`;
  return type.shape === 'record' && !type.nullable
    ? `this.${field.name}`
    : `changetype<${type.code}>(${storage})`;
}

function boundText(layout: Layout, bits: ReadonlyMap<FieldModel, number>): string {
  const parts: string[] = [];
  for (const [field, bit] of bits) {
    const { type } = field;
    if (type.kind !== 'reference') continue;
    const put = `__mr_bound<${type.code}>(${objectText(field, type)})`;
    const guarded = type.nullable ? `(this.__mr_f${field.index} == 0 ? 0 : ${put})` : put;
    const copy = `__mr_copy_bound<${type.code}>(row, row + ${slotOf(field)})`;
    parts.push(`bound += ${changedText(type, bit)} ? ${guarded} : ${copy};`);
  }
  return `__mr_bound(): usize {
    const row = this.__mr_row;
    if (this.__mr_clean()) return <usize>load<u32>(row);
    let bound: usize = ${layout.fixedBytes + SLOT_BYTES};
    ${parts.join('\n')}
    return bound;
  }`;
}

/** Copies the fixed part of `row` to `out`. Without a loop where it is short: each turn of a loop is charged fuel. */
function copyFixedText(bytes: number): string {
  if (bytes > UNROLLED_BYTES_MAX) return `__mr_copy_row(out, row, ${bytes});`;
  const stores: string[] = [];
  for (let at = 0; at + 16 <= bytes; at += 16) {
    stores.push(`v128.store(out, v128.load(row, ${at}), ${at});`);
  }
  if (bytes % 16 !== 0) stores.push(`store<u64>(out, load<u64>(row, ${bytes - 8}), ${bytes - 8});`);
  return stores.join(' ');
}

function writeText(layout: Layout, bits: ReadonlyMap<FieldModel, number>): string {
  const parts: string[] = [];
  for (const [field, bit] of bits) {
    const { type } = field;
    if (type.kind !== 'reference') continue;
    const slot = slotOf(field);
    const put = `tail = __mr_put<${type.code}>(out, out + ${slot}, tail, ${objectText(field, type)});`;
    const { byte, mask } = nullOf(field, layout);
    const flag = `load<u8>(out + ${byte})`;
    const write = type.nullable
      ? `if (this.__mr_f${field.index} == 0) {
          store<u64>(out, 0, ${slot});
          store<u8>(out + ${byte}, ${flag} | ${mask});
        } else {
          store<u8>(out + ${byte}, ${flag} & ${255 - mask});
          ${put}
        }`
      : put;
    parts.push(`if (${changedText(type, bit)}) { ${write} }
      else tail = __mr_copy<${type.code}>(out, out + ${slot}, tail, row, row + ${slot});`);
  }
  return `__mr_write(out: usize): usize {
    const row = this.__mr_row;
    if (this.__mr_clean()) {
      const bytes = <usize>load<u32>(row);
      __mr_copy_row(out, row, bytes);
      return bytes;
    }
    ${copyFixedText(layout.fixedBytes)}
    let tail: usize = ${layout.fixedBytes};
    ${parts.join('\n')}
    tail = __mr_align(out, tail);
    store<u32>(out, <u32>tail);
    return tail;
  }`;
}
