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
} from '../row-plan.ts';
import { type ByteSource, byteSource } from './byte-source.ts';
import type { CsvCells } from './csv-cells.ts';
import { decodeBase64 } from './decode-base64.ts';
import { JsonReader } from './json-reader.ts';
import { NumberScanner } from './number-scanner.ts';
import type { RowWriter } from './row-writer.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;

/**
 * Reads one CSV cell into one slot: strings as they are, numbers in decimal (a plus sign, leading zeros, `NaN`,
 * `Infinity` allowed), bools as `true` or `false`, bytes as base64, lists and records as JSON.
 */
export class CsvCellReader {
  source: ByteSource = byteSource(new Uint8Array(0));
  /** Why the last read returned false. */
  fault = '';
  /** A record in a cell was not in the order of its fields. */
  disordered = false;
  readonly #writer: RowWriter;
  readonly #cells: CsvCells;
  readonly #numbers = new NumberScanner();
  readonly #json: JsonReader;

  constructor(writer: RowWriter, cells: CsvCells) {
    this.#writer = writer;
    this.#cells = cells;
    this.#json = new JsonReader(writer);
  }

  /** Reads cell `cell` as the value of `field` in the row at `base`. An empty one is a null where that may be. */
  read(field: FieldPlan, cell: number, base: number): boolean {
    const cells = this.#cells;
    const empty = cells.starts[cell] === cells.ends[cell];
    // Of strings, two quotes are the empty one and nothing is null.
    const isText = field.value.kind === KIND_STRING || field.value.kind === KIND_BYTES;
    if (empty && field.optional && (cells.quotes[cell] === 0 || !isText)) return true;
    const slot = base + field.slot;
    if (!this.#readValue(field, cell, base, slot)) {
      if (this.fault === '') {
        const optional = field.optional ? ' or nothing' : '';
        this.fault = `field "${field.name}" takes ${formatType(field.value.type)}${optional}`;
      }
      return false;
    }
    if (field.optional) this.#writer.bytes[base + field.nullByte] &= ~field.nullBit;
    return true;
  }

  #readValue(field: FieldPlan, cell: number, base: number, slot: number): boolean {
    switch (field.value.kind) {
      case KIND_STRING:
        this.#readText(cell, base, slot);
        return true;
      case KIND_BYTES:
        return this.#readBytes(cell, base, slot);
      case KIND_LIST:
      case KIND_RECORD:
        return this.#readJson(field, cell, base, slot);
      case KIND_BOOL:
        return this.#readBool(cell, slot);
      default:
        return this.#readNumber(field.value.kind, cell, slot);
    }
  }

  #readText(cell: number, base: number, slot: number): void {
    const writer = this.#writer;
    const start = this.#cells.starts[cell];
    const length = this.#cells.ends[cell] - start;
    if (length === 0) return;
    writer.ensure(length);
    const piece = writer.tail;
    if (this.#cells.quotes[cell] === 2) this.#undouble(cell, writer.bytes, piece);
    else writer.append(this.source.bytes, this.source.view, start, length);
    if (this.#cells.quotes[cell] === 2) writer.tail = piece + this.#undoubled;
    writer.point(base, slot, piece, writer.tail - piece);
  }

  /** Bytes that `#undouble` wrote last. */
  #undoubled = 0;

  /** Writes a cell's text to `target` at `to`, doubled quotes as one. */
  #undouble(cell: number, target: Uint8Array, to: number): void {
    const { bytes } = this.source;
    const end = this.#cells.ends[cell];
    let at = to;
    for (let i = this.#cells.starts[cell]; i < end; i++) {
      target[at++] = bytes[i];
      if (bytes[i] === QUOTE) i++;
    }
    this.#undoubled = at - to;
  }

  #readBytes(cell: number, base: number, slot: number): boolean {
    const writer = this.#writer;
    const { starts, ends } = this.#cells;
    const start = writer.tail;
    if (!decodeBase64(this.source.bytes, starts[cell], ends[cell], writer)) return false;
    if (writer.tail > start) writer.point(base, slot, start, writer.tail - start);
    return true;
  }

  /** A list or record: the cell's text is copied out, so that it ends in a line feed as the reader wants it. */
  #readJson(field: FieldPlan, cell: number, base: number, slot: number): boolean {
    const text = new Uint8Array(this.#cells.ends[cell] - this.#cells.starts[cell] + 1);
    if (this.#cells.quotes[cell] === 2) this.#undouble(cell, text, 0);
    else {
      text.set(this.source.bytes.subarray(this.#cells.starts[cell], this.#cells.ends[cell]));
      this.#undoubled = text.length - 1;
    }
    text[this.#undoubled] = NEWLINE;
    const json = this.#json;
    json.source = byteSource(text);
    json.fault = '';
    json.disordered = false;
    const next = json.readValue(field.value, 0, base, slot);
    if (json.disordered) this.disordered = true;
    this.fault = json.fault === '' ? '' : `field "${field.name}": ${json.fault}`;
    return next === this.#undoubled;
  }

  #readBool(cell: number, slot: number): boolean {
    const { bytes } = this.source;
    const start = this.#cells.starts[cell];
    const length = this.#cells.ends[cell] - start;
    // Letters compared without their case.
    if (length === 4 && spells(bytes, start, TRUE)) this.#writer.bytes[slot] = 1;
    else return length === 5 && spells(bytes, start, FALSE);
    return true;
  }

  #readNumber(kind: number, cell: number, slot: number): boolean {
    const numbers = this.#numbers;
    const { bytes } = this.source;
    const { view } = this.#writer;
    const end = this.#cells.ends[cell];
    if (kind === KIND_I64 || kind === KIND_TIMESTAMP) {
      const wide = numbers.readWide(bytes, this.#cells.starts[cell], view, slot);
      if (wide === end) return true;
    }
    const next = numbers.scan(bytes, this.#cells.starts[cell], true);
    if (kind === KIND_F64 || kind === KIND_F32) {
      const special = next < 0 ? specialNumber(bytes, this.#cells.starts[cell], end) : undefined;
      if (next !== end && special === undefined) return false;
      const value = special ?? numbers.toDouble();
      if (kind === KIND_F64) view.setFloat64(slot, value, true);
      else view.setFloat32(slot, value, true);
      return true;
    }
    if (next !== end) return false;
    if (kind === KIND_I32) return numbers.writeI32(view, slot);
    if (kind === KIND_U32) return numbers.writeU32(view, slot);
    return numbers.writeWide(view, slot, kind === KIND_U64);
  }
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

function spells(bytes: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) {
    if ((bytes[start + i] | 0x20) !== word[i]) return false;
  }
  return true;
}

const SPECIAL: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function specialNumber(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end - start < 3 || end - start > 9) return undefined;
  return SPECIAL.get(String.fromCharCode(...bytes.subarray(start, end)));
}
