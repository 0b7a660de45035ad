import type { BatchBuilder } from '../../abi/batch-builder.ts';
import { NO_TIME_HIGH, ROW_TIME_OFFSET, slotOffset } from '../../abi/layout.ts';
import { type JavaRandom, stepHigh, stepLow } from './java-random.ts';
import { LETTERS, LETTERS_ZERO } from './text-tables.ts';

const SPACE = 0x20;
const LETTER_A = 0x61;
const TWO_32 = 0x1_0000_0000;
/** Letters that one 32-bit draw gives. */
const LETTERS_PER_DRAW = 6;
/** The shortest random text. */
const TEXT_BYTES_MIN = 3;

/**
 * Writes the rows of one event into a batch, front to back: texts go to the tail in the order of their fields, so the row is in
 * canonical form. What it writes must have been reserved, with `OVERRUN_BYTES` to spare: letters are written in words of
 * four bytes, and the next piece overwrites what stands over.
 */
export class RowCursor {
  #view: DataView = new DataView(new ArrayBuffer(0));
  #bytes: Uint8Array = new Uint8Array(0);
  /** Offset of the row that is being written. */
  #row = 0;
  /** Offset of the next tail byte. */
  tail = 0;

  /** Starts a row at the end of `out`. */
  begin(out: BatchBuilder, fixedBytes: number): void {
    this.#view = out.view;
    this.#bytes = out.bytes;
    this.nest(out.length, fixedBytes);
  }

  /** Starts a row at the offset `row`: that of an event, or one inside of it. */
  nest(row: number, fixedBytes: number): void {
    const view = this.#view;
    this.#row = row;
    this.tail = row + fixedBytes;
    view.setInt32(row + ROW_TIME_OFFSET - 4, 0, true);
    view.setInt32(row + ROW_TIME_OFFSET, 0, true);
    view.setInt32(row + ROW_TIME_OFFSET + 4, NO_TIME_HIGH, true);
  }

  /** Ends the row: pads it and writes its length, which is the answer. */
  end(): number {
    const { tail } = this;
    this.#view.setInt32(tail, 0, true);
    this.#view.setInt32(tail + 4, 0, true);
    const length = (tail - this.#row + 7) & ~7;
    this.tail = this.#row + length;
    this.#view.setInt32(this.#row, length, true);
    return length;
  }

  /** Writes a whole number, not negative, into a slot. */
  integer(field: number, value: number): void {
    const slot = this.#row + slotOffset(field);
    this.#view.setInt32(slot, value | 0, true);
    this.#view.setInt32(slot + 4, (value / TWO_32) | 0, true);
  }

  /** Makes what was written since `start` the value of a text field. Returns its length. */
  text(field: number, start: number): number {
    const length = this.tail - start;
    this.piece(field, length === 0 ? this.#row : start, length);
    return length;
  }

  /** Points a slot at `length` bytes from the offset `start` on. */
  piece(field: number, start: number, length: number): void {
    const slot = this.#row + slotOffset(field);
    this.#view.setInt32(slot, start - this.#row, true);
    this.#view.setInt32(slot + 4, length, true);
  }

  byte(value: number): void {
    this.#bytes[this.tail++] = value;
  }

  literal(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#bytes[this.tail++] = bytes[i];
  }

  /** Appends `length` bytes that stand in `table` from word `at` on. */
  words(table: Int32Array, at: number, length: number): void {
    const { tail } = this;
    for (let i = 0; i < length; i += 4) this.#view.setInt32(tail + i, table[at + (i >> 2)], true);
    this.tail = tail + length;
  }

  /** Appends random letters and spaces, 3 to `bytesMax` - 1 of them before the spaces at both ends are cut off. */
  letters(random: JavaRandom, bytesMax: number): void {
    const start = this.tail;
    let rest = TEXT_BYTES_MIN + random.nextIntBelow(bytesMax - TEXT_BYTES_MIN);
    for (; rest > 0; rest--) {
      if (random.nextIntBelow(13) > 0) this.byte(LETTER_A + random.nextIntBelow(26));
      else if (this.tail > start) this.byte(SPACE);
    }
    while (this.tail > start && this.#bytes[this.tail - 1] === SPACE) this.tail--;
  }

  /** Appends random bytes around `a` that bring an event from `size` to `average` bytes, give or take a fifth of the difference. */
  filler(random: JavaRandom, size: number, average: number): void {
    if (size > average) return;
    const wanted = average - size;
    const spread = Math.round(wanted * 0.2);
    const length = wanted - spread + (spread === 0 ? 0 : random.nextIntBelow(2 * spread));
    const view = this.#view;
    const end = this.tail + length;
    const letters = LETTERS;
    let { high, low } = random;
    for (let at = this.tail; at < end; at += LETTERS_PER_DRAW) {
      high = stepHigh(high, low);
      low = stepLow(low);
      // Six digits to the base 26, two by two. Whole-number divisions by a constant, and no branch on the sign.
      const drawn = (high << 8) | (low >>> 16);
      const second = (drawn / 676) | 0;
      const third = (second / 676) | 0;
      const rest = (third / 676) | 0;
      const upper = letters[second - third * 676 + LETTERS_ZERO] << 16;
      view.setInt32(at, letters[drawn - second * 676 + LETTERS_ZERO] | upper, true);
      view.setInt16(at + 4, letters[third - rest * 676 + LETTERS_ZERO], true);
    }
    random.high = high;
    random.low = low;
    this.tail = end;
  }
}

/** Bytes behind a row that writing it may touch. */
export const OVERRUN_BYTES = 16;
