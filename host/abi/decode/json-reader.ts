/**
 * Reads one JSON object into one row: straight from bytes, no object and no string per record.
 *
 * J1  The source ends in a line feed, which no JSON value here contains; every loop stops there.
 * J2  Methods take the offset of a value and return the offset behind it, or -1 with `fault` set.
 * J3  Rows come out in canonical form. Values are written as they are met; when that is not the order of the fields
 *     (keys in another order, a key twice) `disordered` is set and the row has to be put in order.
 * J4  Keys in any order; unknown ones are passed over, checked; of a key that comes twice the last counts.
 */
import { formatType } from '../../model/schema.ts';
import {
  type FieldPlan,
  KIND_BOOL,
  KIND_BYTES,
  KIND_F32,
  KIND_F64,
  KIND_I32,
  KIND_I64,
  KIND_LIST,
  KIND_RECORD,
  KIND_STRING,
  KIND_TIMESTAMP,
  KIND_U32,
  KIND_U64,
  type RecordPlan,
  type ValuePlan,
} from '../row-plan.ts';
import { type ByteSource, byteSource } from './byte-source.ts';
import { decodeBase64 } from './decode-base64.ts';
import { countElements } from './json-elements.ts';
import { JsonKeys } from './json-keys.ts';
import { skipLiteral, skipSpace, skipString, skipValue } from './json-skip.ts';
import { copyString } from './json-string.ts';
import { NumberScanner } from './number-scanner.ts';
import type { RowWriter } from './row-writer.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const LETTER_N = 0x6e;

const NOT_JSON = 'not a JSON object on one line';

/** What the reader keeps per record type. A type never contains itself, so one set of marks is enough. */
interface RecordState {
  readonly keys: JsonKeys;
  /** Bit `i % 32` of word `i / 32`: field `i` was seen in the object at hand. */
  readonly seen: Int32Array;
  /** The same for the fields that must be. */
  readonly required: Int32Array;
}

export class JsonReader {
  source: ByteSource = byteSource(new Uint8Array(0));
  /** Why the last read returned -1. */
  fault = '';
  /** The row's tail pieces are not in the order of its fields, or some belong to none. */
  disordered = false;
  readonly #writer: RowWriter;
  readonly #numbers = new NumberScanner();
  readonly #states = new Map<RecordPlan, RecordState>();
  /** The last look-up in `#states`. */
  #lastPlan: RecordPlan | undefined;
  #lastState: RecordState | undefined;

  constructor(writer: RowWriter) {
    this.#writer = writer;
  }

  /** Reads the object at `at` as a row at the writer's tail, which is aligned. Its offset is the tail before. */
  readRow(plan: RecordPlan, at: number): number {
    const { bytes } = this.source;
    if (bytes[at] !== BRACE_OPEN) return this.#fail(NOT_JSON);
    const state = this.#stateOf(plan);
    const { keys, seen } = state;
    for (let word = 0; word < seen.length; word++) seen[word] = 0;
    const base = this.#writer.claimRow(plan);
    if (this.#writer.tooLong) return this.#fail('its row exceeds the size limit');
    let expected = 0;
    let lastPiece = -1;
    let i = skipSpace(bytes, at + 1);
    if (bytes[i] === BRACE_CLOSE) i++;
    else {
      for (;;) {
        if (bytes[i] !== QUOTE) return this.#fail(NOT_JSON);
        const field = keys.find(this.source, i, expected) ?? this.#findEscaped(keys, i);
        i = field === undefined ? skipString(this.source, i) : this.#behindKey(field, i);
        if (i < 0) return this.#fail(NOT_JSON);
        if (bytes[i] !== COLON) i = skipSpace(bytes, i);
        if (bytes[i] !== COLON) return this.#fail(NOT_JSON);
        i++;
        if (bytes[i] <= 0x20) i = skipSpace(bytes, i);
        if (field === undefined) {
          i = skipValue(this.source, i);
          if (i < 0) return this.#fail(NOT_JSON);
        } else {
          const { index } = field;
          const bit = 1 << (index & 31);
          if ((seen[index >> 5] & bit) !== 0) this.#reset(field, base);
          seen[index >> 5] |= bit;
          if (field.value.kind >= KIND_STRING) {
            if (index < lastPiece) this.disordered = true;
            lastPiece = index;
          }
          i = this.#readField(field, i, base);
          if (i < 0) return -1;
          expected = index + 1;
        }
        if (bytes[i] <= 0x20) i = skipSpace(bytes, i);
        if (bytes[i] === BRACE_CLOSE) break;
        if (bytes[i] !== COMMA) return this.#fail(NOT_JSON);
        i++;
        if (bytes[i] <= 0x20) i = skipSpace(bytes, i);
      }
      i++;
    }
    if (this.#lacksField(plan, state)) return -1;
    this.#writer.closeRow(base);
    return i;
  }

  /** Reads the value at `at` into the slot at `slot` of the row at `base`. */
  readValue(value: ValuePlan, at: number, base: number, slot: number): number {
    switch (value.kind) {
      case KIND_STRING:
        return this.#readString(at, base, slot);
      case KIND_BYTES:
        return this.#readBytes(at, base, slot);
      case KIND_LIST:
        return this.#readList(value.element!, at, base, slot);
      case KIND_RECORD: {
        if (this.source.bytes[at] !== BRACE_OPEN) return -1;
        const writer = this.#writer;
        writer.align();
        const start = writer.tail;
        const next = this.readRow(value.record!, at);
        if (next >= 0) writer.point(base, slot, start, writer.tail - start);
        return next;
      }
      case KIND_BOOL: {
        const { bytes } = this.source;
        const c = bytes[at];
        if (c !== 0x74 && c !== 0x66) return -1;
        this.#writer.bytes[slot] = c === 0x74 ? 1 : 0;
        return skipLiteral(bytes, at);
      }
      default:
        return this.#readNumber(value.kind, at, slot);
    }
  }

  #readNumber(kind: number, at: number, slot: number): number {
    const numbers = this.#numbers;
    const { bytes } = this.source;
    const { view } = this.#writer;
    if (kind === KIND_I64 || kind === KIND_TIMESTAMP) {
      const end = numbers.readWide(bytes, at, view, slot);
      if (end >= 0) return end;
    }
    const next = numbers.scan(bytes, at);
    if (next < 0) return -1;
    switch (kind) {
      case KIND_F64:
        view.setFloat64(slot, numbers.toDouble(), true);
        return next;
      case KIND_F32:
        view.setFloat32(slot, numbers.toDouble(), true);
        return next;
      case KIND_I32:
        return numbers.writeI32(view, slot) ? next : -1;
      case KIND_U32:
        return numbers.writeU32(view, slot) ? next : -1;
      case KIND_U64:
        return numbers.writeWide(view, slot, true) ? next : -1;
      case KIND_I64:
      case KIND_TIMESTAMP:
        return numbers.writeWide(view, slot, false) ? next : -1;
      default:
        throw new Error(`kind ${kind} is no number`);
    }
  }

  #readString(at: number, base: number, slot: number): number {
    if (this.source.bytes[at] !== QUOTE) return -1;
    const writer = this.#writer;
    writer.ensure(8);
    const start = writer.tail;
    const next = copyString(this.source, at, writer);
    if (writer.tail > start) writer.point(base, slot, start, writer.tail - start);
    return next;
  }

  #readBytes(at: number, base: number, slot: number): number {
    const { bytes } = this.source;
    if (bytes[at] !== QUOTE) return -1;
    const next = skipString(this.source, at);
    if (next < 0) return -1;
    const writer = this.#writer;
    const start = writer.tail;
    if (!decodeBase64(bytes, at + 1, next - 1, writer)) return -1;
    if (writer.tail > start) writer.point(base, slot, start, writer.tail - start);
    return next;
  }

  #readList(element: ValuePlan, at: number, base: number, slot: number): number {
    const { bytes } = this.source;
    if (bytes[at] !== BRACKET_OPEN) return -1;
    let i = skipSpace(bytes, at + 1);
    if (bytes[i] === BRACKET_CLOSE) return i + 1;
    const writer = this.#writer;
    writer.align();
    const start = writer.tail;
    // The slots come before the pieces they point at, so their number must be known first.
    const expected = countElements(this.source, i);
    writer.claimZeros(expected * 8);
    for (let count = 1; ; count++) {
      if (count > expected) return this.#fail(NOT_JSON);
      i = this.readValue(element, i, base, start + (count - 1) * 8);
      if (i < 0) return -1;
      i = skipSpace(bytes, i);
      if (bytes[i] === BRACKET_CLOSE) {
        if (count < expected) return this.#fail(NOT_JSON);
        writer.point(base, slot, start, count);
        return i + 1;
      }
      if (bytes[i] !== COMMA) return this.#fail(NOT_JSON);
      i = skipSpace(bytes, i + 1);
    }
  }

  #readField(field: FieldPlan, at: number, base: number): number {
    const { bytes } = this.source;
    let next: number;
    if (field.optional) {
      if (bytes[at] === LETTER_N) {
        next = skipLiteral(bytes, at);
        return next < 0 ? this.#fail(NOT_JSON) : next;
      }
      next = this.readValue(field.value, at, base, base + field.slot);
      this.#writer.bytes[base + field.nullByte] &= ~field.nullBit;
    } else {
      next = this.readValue(field.value, at, base, base + field.slot);
    }
    return next < 0 ? this.#failField(field, at) : next;
  }

  /** Says why the value of `field` at `at` was not taken: it is no JSON, or none of the field's type. */
  #failField(field: FieldPlan, at: number): number {
    const inner = /^field "(.*)/s.exec(this.fault);
    if (inner !== null) return this.#fail(`field "${field.name}.${inner[1]}`);
    if (this.fault !== '') return -1;
    const end = skipValue(this.source, at);
    if (end < 0 || !endsValue(this.source.bytes[end])) return this.#fail(NOT_JSON);
    const optional = field.optional ? ' or null' : '';
    return this.#fail(`field "${field.name}" takes ${formatType(field.value.type)}${optional}`);
  }

  #fail(fault: string): number {
    this.fault = fault;
    return -1;
  }

  /** A key with a backslash in it, in case it is a field's. */
  #findEscaped(keys: JsonKeys, at: number): FieldPlan | undefined {
    const end = skipString(this.source, at);
    if (end < 0) return undefined;
    const { buffer, byteOffset } = this.source.bytes;
    const key = Buffer.from(buffer, byteOffset + at, end - at);
    return key.includes(0x5c) ? keys.byName(JSON.parse(key.toString('latin1'))) : undefined;
  }

  /** Behind the key of `field`, whose opening quote is at `at`. */
  #behindKey(field: FieldPlan, at: number): number {
    const plain = at + field.name.length + 1;
    return this.source.bytes[plain] === QUOTE ? plain + 1 : skipString(this.source, at);
  }

  /** Makes a field that was read already as if it had not been. */
  #reset(field: FieldPlan, base: number): void {
    const { bytes, view } = this.#writer;
    view.setInt32(base + field.slot, 0, true);
    view.setInt32(base + field.slot + 4, 0, true);
    if (field.optional) bytes[base + field.nullByte] |= field.nullBit;
    if (field.value.kind >= KIND_STRING) this.disordered = true;
  }

  #lacksField(plan: RecordPlan, { seen, required }: RecordState): boolean {
    for (let i = 0; i < required.length; i++) {
      const missing = required[i] & ~seen[i];
      if (missing === 0) continue;
      const index = i * 32 + (31 - Math.clz32(missing & -missing));
      this.#fail(`field "${plan.fields[index].name}" is missing`);
      return true;
    }
    return false;
  }

  #stateOf(plan: RecordPlan): RecordState {
    if (plan === this.#lastPlan) return this.#lastState!;
    const state = this.#states.get(plan) ?? this.#createState(plan);
    this.#lastPlan = plan;
    this.#lastState = state;
    return state;
  }

  #createState(plan: RecordPlan): RecordState {
    const words = (plan.fields.length + 31) >> 5;
    const required = new Int32Array(words);
    for (const { index, optional } of plan.fields) {
      if (!optional) required[index >> 5] |= 1 << (index & 31);
    }
    const state = { keys: new JsonKeys(plan), seen: new Int32Array(words), required };
    this.#states.set(plan, state);
    return state;
  }
}

/** Whether this byte may stand right behind a value. */
function endsValue(c: number): boolean {
  return c === COMMA || c === BRACE_CLOSE || c === BRACKET_CLOSE || c <= 0x20;
}
