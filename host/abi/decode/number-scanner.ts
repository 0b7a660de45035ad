/**
 * Reads decimal numbers from bytes, exactly, without a string per number on the common path.
 *
 * `scan` finds the number's end and keeps its parts; the `write` methods put it into a slot if it is of that type.
 *
 * N1  A float is the double nearest to the text, the same as `JSON.parse` gives. A significand up to 2^53 and a
 *     power of ten up to 22 are both exact doubles, so that one division or multiplication rounds once (Clinger);
 *     up to four digits more take double-double arithmetic; everything else goes through `Number`.
 * N2  An integer is taken in any notation that denotes an integer (`5`, `5.0`, `5e3`) and must fit its type.
 *     Up to 2^53 it is one double; up to 20 digits two 32-bit halves; other notations go through BigInt.
 *
 * The byte behind the text must exist and be none of a number.
 */
import { divideDecimal } from './divide-decimal.ts';

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;

/** While the significand is at most this, one more digit keeps it below 2^53. */
const SIGNIFICAND_ROOM = 900_719_925_474_098;
/** Digits of up to this are kept behind the significand. */
const REST_SCALE_MAX = 10_000;
const TWO_32 = 4_294_967_296;
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** Digits of the largest u64. */
const WIDE_DIGITS = 20;
/** Characters of an integer with a fraction or an exponent. Longer ones are not taken. */
const NOTATION_CHARS_MAX = 400;

export class NumberScanner {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #negative = false;
  /** The digits as an integer, as far as they fit. */
  #significand = 0;
  /** Power of ten that the significand is to be multiplied by. */
  #exponent = 0;
  /** The digits behind those of the significand, and ten to the power of their number. */
  #rest = 0;
  #restScale = 1;
  /** All digits are in the significand. */
  #whole = true;
  /** All digits are in the significand or the rest. */
  #complete = true;
  /** Only digits and a sign. */
  #plain = true;
  #low = 0;
  #high = 0;

  /**
   * Scans the number at `at`. Returns the offset behind it, or -1 when none stands there. `lenient` takes a plus
   * sign and leading zeros as well.
   */
  scan(bytes: Uint8Array, at: number, lenient = false): number {
    this.#bytes = bytes;
    this.#start = at;
    let i = at;
    let c = bytes[i];
    this.#negative = c === MINUS;
    if (c === MINUS || (lenient && c === PLUS)) c = bytes[++i];
    if (!(c >= ZERO && c <= 0x39)) return -1;
    if (c === ZERO && !lenient) {
      const next = bytes[i + 1];
      if (next >= ZERO && next <= 0x39) return -1;
    }
    let significand = c - ZERO;
    c = bytes[++i];
    while (c >= ZERO && c <= 0x39 && significand <= SIGNIFICAND_ROOM) {
      significand = significand * 10 + (c - ZERO);
      c = bytes[++i];
    }
    this.#significand = significand;
    this.#exponent = 0;
    this.#rest = 0;
    this.#restScale = 1;
    this.#whole = true;
    this.#complete = true;
    this.#plain = true;
    if ((c >= ZERO && c <= 0x39) || c === POINT || c === 0x65 || c === 0x45) i = this.#scanRest(i);
    this.#end = i;
    return i;
  }

  /** From the first byte at `at` that `scan` did not take: more digits, a fraction, an exponent. */
  #scanRest(at: number): number {
    const bytes = this.#bytes;
    let i = at;
    let c = bytes[i];
    while (c >= ZERO && c <= 0x39) {
      this.#addRest(c - ZERO);
      c = bytes[++i];
    }
    if (c === POINT) {
      this.#plain = false;
      i = this.#scanFraction(i + 1);
      if (i < 0) return -1;
      c = bytes[i];
    }
    if (c !== 0x65 && c !== 0x45) return i;
    this.#plain = false;
    c = bytes[++i];
    const negative = c === MINUS;
    if (negative || c === PLUS) c = bytes[++i];
    if (!(c >= ZERO && c <= 0x39)) return -1;
    let exponent = 0;
    while (c >= ZERO && c <= 0x39) {
      if (exponent < 100_000) exponent = exponent * 10 + (c - ZERO);
      c = bytes[++i];
    }
    this.#exponent += negative ? -exponent : exponent;
    return i;
  }

  #scanFraction(at: number): number {
    const bytes = this.#bytes;
    let i = at;
    let c = bytes[i];
    if (!(c >= ZERO && c <= 0x39)) return -1;
    let significand = this.#significand;
    let digits = 0;
    while (c >= ZERO && c <= 0x39) {
      if (this.#whole && significand <= SIGNIFICAND_ROOM) {
        significand = significand * 10 + (c - ZERO);
        digits++;
      } else if (this.#addRest(c - ZERO)) {
        digits++;
      }
      c = bytes[++i];
    }
    this.#significand = significand;
    this.#exponent -= digits;
    return i;
  }

  /**
   * Reads a plain integer of up to 15 digits at `at` straight into the slot, which is what nearly all of them are.
   * Returns the offset behind it, or -1 when the general way has to look at it: nothing is written then.
   */
  readWide(bytes: Uint8Array, at: number, view: DataView, slot: number): number {
    let i = at;
    let c = bytes[i];
    const negative = c === MINUS;
    if (negative) c = bytes[++i];
    const first = i;
    // Nine digits fit a 32-bit integer, which is faster than a double.
    let value = 0;
    const small = i + 9;
    while (c >= ZERO && c <= 0x39 && i < small) {
      value = (value * 10 + (c - ZERO)) | 0;
      c = bytes[++i];
    }
    let low = value;
    let high = 0;
    if (c >= ZERO && c <= 0x39) {
      let wide = value;
      const large = first + 15;
      while (c >= ZERO && c <= 0x39 && i < large) {
        wide = wide * 10 + (c - ZERO);
        c = bytes[++i];
      }
      high = Math.floor(wide / TWO_32);
      low = wide | 0;
    }
    const isLeadingZero = bytes[first] === ZERO && i > first + 1;
    const ended = c === 0x2c || c === 0x7d || c === 0x5d || c <= 0x20;
    if (i === first || isLeadingZero || !ended) return -1;
    if (negative) {
      high = low === 0 ? -high : ~high;
      low = -low | 0;
    }
    view.setInt32(slot, low, true);
    view.setInt32(slot + 4, high, true);
    return i;
  }

  /** Keeps a digit that the significand has no room for. Returns false when it is dropped. */
  #addRest(digit: number): boolean {
    this.#whole = false;
    if (this.#restScale === REST_SCALE_MAX) {
      this.#complete = false;
      return false;
    }
    this.#rest = this.#rest * 10 + digit;
    this.#restScale *= 10;
    return true;
  }

  /** The number as a double (N1). */
  toDouble(): number {
    const exponent = this.#exponent;
    if (exponent < -22 || exponent > 22) return Number(this.#text());
    if (!this.#whole) return this.#toDoubleByRest();
    const significand = this.#negative ? -this.#significand : this.#significand;
    return exponent < 0 ? significand / POWERS[-exponent] : significand * POWERS[exponent];
  }

  #toDoubleByRest(): number {
    if (!this.#complete || this.#exponent > 0) return Number(this.#text());
    const divisor = POWERS[-this.#exponent];
    const value = divideDecimal(this.#significand, this.#restScale, this.#rest, divisor);
    if (Number.isNaN(value)) return Number(this.#text());
    return this.#negative ? -value : value;
  }

  /** Writes the number as an `i32` (4 bytes) if it is one. */
  writeI32(view: DataView, slot: number): boolean {
    const value = this.#smallInteger();
    if (!(value >= -0x8000_0000 && value <= 0x7fff_ffff)) return false;
    view.setInt32(slot, value, true);
    return true;
  }

  /** Writes the number as a `u32` (4 bytes) if it is one. */
  writeU32(view: DataView, slot: number): boolean {
    const value = this.#smallInteger();
    if (!(value >= 0 && value <= 0xffff_ffff)) return false;
    view.setUint32(slot, value, true);
    return true;
  }

  /** Writes the number as an `i64`, or as a `u64` when `unsigned`, if it is one. */
  writeWide(view: DataView, slot: number, unsigned: boolean): boolean {
    if (!this.#magnitude()) return false;
    let low = this.#low;
    let high = this.#high;
    if (this.#negative) {
      if (unsigned) {
        if (low !== 0 || high !== 0) return false;
      } else if (high > 0x8000_0000 || (high === 0x8000_0000 && low !== 0)) {
        return false;
      }
      high = ~high + (low === 0 ? 1 : 0);
      low = -low;
    } else if (!unsigned && high >= 0x8000_0000) {
      return false;
    }
    view.setInt32(slot, low, true);
    view.setInt32(slot + 4, high, true);
    return true;
  }

  /** The number if it is an integer below 2^53, else NaN. */
  #smallInteger(): number {
    if (this.#plain && this.#whole) return this.#negative ? -this.#significand : this.#significand;
    if (!this.#magnitude()) return Number.NaN;
    const value = this.#high * TWO_32 + this.#low;
    return this.#negative ? -value : value;
  }

  /** Splits the absolute value into `#high` and `#low`; false when it is no integer below 2^64. */
  #magnitude(): boolean {
    if (!this.#plain) return this.#magnitudeByBigInt();
    if (!this.#whole) return this.#magnitudeByDigits();
    const value = this.#significand;
    this.#low = value >>> 0;
    this.#high = Math.floor(value / TWO_32);
    return true;
  }

  #magnitudeByDigits(): boolean {
    const bytes = this.#bytes;
    let i = this.#start;
    while (bytes[i] === MINUS || bytes[i] === PLUS || bytes[i] === ZERO) i++;
    if (this.#end - i > WIDE_DIGITS) return false;
    let low = 0;
    let high = 0;
    for (; i < this.#end; i++) {
      const product = low * 10 + (bytes[i] - ZERO);
      low = product >>> 0;
      high = high * 10 + (product - low) / TWO_32;
    }
    this.#low = low;
    this.#high = high;
    return high < TWO_32;
  }

  /** A fraction or an exponent: `12.00`, `1.5e1`, `100e-2`. */
  #magnitudeByBigInt(): boolean {
    if (this.#end - this.#start > NOTATION_CHARS_MAX) return false;
    const [, whole, fraction = '', exponent = '0'] =
      /^[-+]?(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(this.#text()) ?? [];
    const digits = `${whole}${fraction}`.replace(/^0+/, '').replace(/0+$/, '');
    const dropped = `${whole}${fraction}`.replace(/^0+/, '').length - digits.length;
    const power = Number(exponent) - fraction.length + dropped;
    if (digits !== '' && (power < 0 || digits.length + power > WIDE_DIGITS)) return false;
    const value = digits === '' ? 0n : BigInt(digits) * 10n ** BigInt(power);
    this.#low = Number(value & 0xffff_ffffn);
    this.#high = Number(value >> 32n);
    return this.#high < TWO_32;
  }

  #text(): string {
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset + this.#start, this.#end - this.#start).toString(
      'latin1',
    );
  }
}
