/**
 * Writes rows as JSON objects, keys in the order of the fields.
 *
 * Numbers are what `JSON.stringify` prints, except that 64-bit integers keep all their digits and negative zero its sign;
 * NaN and the infinities are null, as there. Timestamps are integers of milliseconds, bytes base64, null optionals null.
 */
import {
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
import type { OutputBuffer } from './output-buffer.ts';
import { writeBase64 } from './write-base64.ts';
import { type TextSource, writeJsonString } from './write-json-string.ts';
import { writeDouble, writeInteger, writeWide } from './write-number.ts';

const COMMA = 0x2c;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

/** What stands before each value: `{"first":`, `,"second":`. */
type KeyTexts = readonly TextSource[];

export class JsonWriter {
  /** The bytes that rows are read from. */
  source: TextSource = textSource(new Uint8Array(0));
  readonly #out: OutputBuffer;
  readonly #keys = new Map<RecordPlan, KeyTexts>();
  /** The last look-up in `#keys`. */
  #lastPlan: RecordPlan | undefined;
  #lastKeys: KeyTexts = [];

  constructor(out: OutputBuffer) {
    this.#out = out;
  }

  /** Writes the row at `base`. */
  writeRow(plan: RecordPlan, base: number): void {
    const out = this.#out;
    const { bytes } = this.source;
    const keys = this.#keysOf(plan);
    const { fields } = plan;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      const key = keys[i];
      out.append(key.bytes, key.view, 0, key.bytes.length);
      if (field.optional && (bytes[base + field.nullByte] & field.nullBit) !== 0) out.ascii('null');
      else this.writeValue(field.value, base, base + field.slot);
    }
    out.byte(BRACE_CLOSE);
  }

  /** Writes the value of the slot at `slot` of the row at `base`. */
  writeValue(value: ValuePlan, base: number, slot: number): void {
    const out = this.#out;
    const { bytes, view } = this.source;
    switch (value.kind) {
      case KIND_STRING:
        writeJsonString(
          out,
          this.source,
          base + view.getInt32(slot, true),
          view.getInt32(slot + 4, true),
        );
        return;
      case KIND_I32:
        writeInteger(out, view.getInt32(slot, true));
        return;
      case KIND_U32:
        writeInteger(out, view.getUint32(slot, true));
        return;
      case KIND_I64:
      case KIND_TIMESTAMP:
        writeWide(out, view, slot, false);
        return;
      case KIND_U64:
        writeWide(out, view, slot, true);
        return;
      case KIND_F64:
        this.#writeFloat(view.getFloat64(slot, true));
        return;
      case KIND_F32:
        this.#writeFloat(view.getFloat32(slot, true));
        return;
      case KIND_BOOL:
        out.ascii(bytes[slot] === 0 ? 'false' : 'true');
        return;
      case KIND_BYTES:
        out.byte(0x22);
        writeBase64(out, bytes, base + view.getInt32(slot, true), view.getInt32(slot + 4, true));
        out.byte(0x22);
        return;
      case KIND_LIST:
        this.#writeList(value.element!, base, slot);
        return;
      case KIND_RECORD:
        this.writeRow(value.record!, base + view.getInt32(slot, true));
        return;
      default:
        throw new Error(`no kind ${value.kind}`);
    }
  }

  #writeList(element: ValuePlan, base: number, slot: number): void {
    const out = this.#out;
    const { view } = this.source;
    const start = base + view.getInt32(slot, true);
    const count = view.getInt32(slot + 4, true);
    out.byte(BRACKET_OPEN);
    for (let i = 0; i < count; i++) {
      if (i > 0) out.byte(COMMA);
      this.writeValue(element, base, start + i * 8);
    }
    out.byte(BRACKET_CLOSE);
  }

  #writeFloat(value: number): void {
    if (Number.isFinite(value)) writeDouble(this.#out, value);
    else this.#out.ascii('null');
  }

  #keysOf(plan: RecordPlan): KeyTexts {
    if (plan === this.#lastPlan) return this.#lastKeys;
    const keys =
      this.#keys.get(plan) ??
      plan.fields.map(({ name }, i) => {
        return textSource(
          new TextEncoder().encode(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`),
        );
      });
    this.#keys.set(plan, keys);
    this.#lastPlan = plan;
    this.#lastKeys = keys;
    return keys;
  }
}

/** Bytes to read from, with their view. */
export function textSource(bytes: Uint8Array): TextSource {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}
