/** Finding the field of a JSON key without making a string of the key. */
import type { FieldPlan, RecordPlan } from '../row-plan.ts';
import type { ByteSource } from './byte-source.ts';
import { firstMark, stringMarks } from './json-skip.ts';

const QUOTE = 0x22;

/** A field's key with both quotes, for comparison in words: the last word counts under `mask`. */
interface KeyPattern {
  readonly field: FieldPlan;
  readonly length: number;
  readonly words: Int32Array;
  readonly mask: number;
}

/** The keys of one record type. */
export class JsonKeys {
  readonly #patterns: readonly KeyPattern[];
  readonly #byName = new Map<string, FieldPlan>();
  /** Open addressing by `hashKey`: index of a pattern + 1, 0 = free. */
  readonly #table: Int32Array;

  constructor(plan: RecordPlan) {
    this.#patterns = plan.fields.map(keyPattern);
    for (const field of plan.fields) this.#byName.set(field.name, field);
    this.#table = new Int32Array(1 << (32 - Math.clz32(plan.fields.length * 2)));
    for (const [i, { length, words }] of this.#patterns.entries()) {
      let slot = hashKey(words[0], length) & (this.#table.length - 1);
      while (this.#table[slot] !== 0) slot = (slot + 1) & (this.#table.length - 1);
      this.#table[slot] = i + 1;
    }
  }

  /**
   * The field whose key stands at `at`, opening quote included. `expected` is the index it probably has.
   * Undefined when no field is called so, or the key has an escape.
   */
  find(source: ByteSource, at: number, expected: number): FieldPlan | undefined {
    const patterns = this.#patterns;
    if (expected < patterns.length && matches(source, at, patterns[expected])) {
      return patterns[expected].field;
    }
    const { bytes, view } = source;
    const end = keyEnd(source, at + 1);
    if (bytes[end] !== QUOTE) return undefined;
    // A key and its quotes have two bytes or more; those behind a short one count into its hash as zeros.
    const length = end + 1 - at;
    const first = at + 4 <= bytes.length ? view.getInt32(at, true) : 0;
    const head = length >= 4 ? first : first & ((1 << (length * 8)) - 1);
    const table = this.#table;
    let slot = hashKey(head, length) & (table.length - 1);
    while (table[slot] !== 0) {
      const pattern = patterns[table[slot] - 1];
      if (pattern.length === length && matches(source, at, pattern)) return pattern.field;
      slot = (slot + 1) & (table.length - 1);
    }
    return undefined;
  }

  /** The field with this name, for keys with escapes. */
  byName(name: string): FieldPlan | undefined {
    return this.#byName.get(name);
  }
}

function keyPattern(field: FieldPlan): KeyPattern {
  const text = Buffer.from(`"${field.name}"`);
  const padded = new Uint8Array((text.length + 3) & ~3);
  padded.set(text);
  const rest = text.length & 3;
  return {
    field,
    length: text.length,
    words: new Int32Array(padded.buffer),
    mask: rest === 0 ? -1 : (1 << (rest * 8)) - 1,
  };
}

/** Keys with equal first words and lengths collide; the table's probing sorts them out. */
function hashKey(head: number, length: number): number {
  const mixed = Math.imul(head ^ (length * 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

function matches({ bytes, view }: ByteSource, at: number, pattern: KeyPattern): boolean {
  const { words, mask } = pattern;
  const last = words.length - 1;
  if (at + words.length * 4 > bytes.length) return matchesAtEnd(bytes, at, pattern);
  for (let i = 0; i < last; i++) {
    if (view.getInt32(at + i * 4, true) !== words[i]) return false;
  }
  return (view.getInt32(at + last * 4, true) & mask) === words[last];
}

function matchesAtEnd(bytes: Uint8Array, at: number, { length, words }: KeyPattern): boolean {
  for (let i = 0; i < length; i++) {
    if (bytes[at + i] !== ((words[i >> 2] >>> ((i & 3) * 8)) & 0xff)) return false;
  }
  return true;
}

/** The offset of the first quote, backslash or control character at or behind `at`. */
function keyEnd({ bytes, view }: ByteSource, at: number): number {
  let i = at;
  while (i + 4 <= bytes.length) {
    const marks = stringMarks(view.getInt32(i, true));
    if (marks !== 0) return i + firstMark(marks);
    i += 4;
  }
  while (i < bytes.length && bytes[i] !== QUOTE && bytes[i] !== 0x5c && bytes[i] >= 0x20) i++;
  return i;
}
