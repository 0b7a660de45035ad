/** Numbers as decimal text, the same that `String` prints, without a string on the common path. */
import type { OutputBuffer } from './output-buffer.ts';

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const TWO_32 = 4_294_967_296;
const BILLION = 1_000_000_000;
/** Most bytes of a number: `-1.7976931348623157e+308`, `-9223372036854775808`. */
const NUMBER_BYTES_MAX = 32;

/** `00` to `99`, two bytes each. */
const PAIRS = Uint8Array.from({ length: 200 }, (_, i) =>
  i % 2 === 0 ? ZERO + Math.floor(i / 20) : ZERO + (Math.floor(i / 2) % 10),
);
const POWERS = Array.from({ length: 10 }, (_, i) => 10 ** i);

/** Writes an integer of up to 53 bits. */
export function writeInteger(out: OutputBuffer, value: number): void {
  out.ensure(NUMBER_BYTES_MAX);
  let rest = value;
  if (rest < 0) {
    out.bytes[out.length++] = MINUS;
    rest = -rest;
  }
  if (rest < BILLION) {
    writeDigits(out, rest, countDigits(rest));
    return;
  }
  const high = Math.floor(rest / BILLION);
  const low = rest - high * BILLION;
  writeDigits(out, high, countDigits(high));
  writeDigits(out, low, 9);
}

/** Writes the 64-bit integer at `at`. Beyond 53 bits it goes through BigInt. */
export function writeWide(out: OutputBuffer, view: DataView, at: number, unsigned: boolean): void {
  const low = view.getUint32(at, true);
  const high = unsigned ? view.getUint32(at + 4, true) : view.getInt32(at + 4, true);
  if (high < 0x20_0000 && high >= -0x20_0000) {
    writeInteger(out, high * TWO_32 + low);
    return;
  }
  const wide = unsigned ? view.getBigUint64(at, true) : view.getBigInt64(at, true);
  out.ascii(String(wide));
}

/** Writes a finite double in the shortest form that reads back the same; negative zero as `-0`. */
export function writeDouble(out: OutputBuffer, value: number): void {
  if (Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
    if (value === 0 && 1 / value < 0) out.ascii('-0');
    else writeInteger(out, value);
    return;
  }
  if (!writeDecimal(out, value)) out.ascii(String(value));
}

/** Fraction digits that `writeDecimal` takes. */
const FRACTION_DIGITS_MAX = 6;
/** Up to this the decimal is the only one of its length that reads back as the double. */
const DECIMAL_MAX = 1e15;

/**
 * Writes a double that has few digits behind its point, as measured and counted things mostly do. Returns false when it has
 * more, or prints with an exponent.
 *
 * If `units / 10^6` rounds to the value, that decimal reads back as the value; with at most 15 digits no other decimal of
 * its length or shorter does, so without its last zeros it is the shortest.
 */
function writeDecimal(out: OutputBuffer, value: number): boolean {
  const size = Math.abs(value);
  if (size < 1e-6 || size > 1e9) return false;
  const power = POWERS[FRACTION_DIGITS_MAX];
  const units = Math.round(size * power);
  if (units > DECIMAL_MAX || units / power !== size) return false;
  out.ensure(NUMBER_BYTES_MAX);
  if (value < 0) out.bytes[out.length++] = MINUS;
  const whole = Math.floor(units / power);
  writeDigits(out, whole, countDigits(whole));
  out.bytes[out.length++] = POINT;
  writeDigits(out, units - whole * power, FRACTION_DIGITS_MAX);
  while (out.bytes[out.length - 1] === ZERO) out.length--;
  return true;
}

/** Writes `value` (an integer below 2^31) as exactly `digits` digits; room is there. */
function writeDigits(out: OutputBuffer, value: number, digits: number): void {
  const { bytes } = out;
  let rest = value | 0;
  let at = out.length + digits;
  out.length = at;
  let left = digits;
  while (left >= 2) {
    const next = (rest / 100) | 0;
    const pair = (rest - next * 100) * 2;
    bytes[--at] = PAIRS[pair + 1];
    bytes[--at] = PAIRS[pair];
    rest = next;
    left -= 2;
  }
  if (left === 1) bytes[--at] = ZERO + rest;
}

function countDigits(value: number): number {
  if (value < 100) return value < 10 ? 1 : 2;
  if (value < 10_000) return value < 1_000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8;
  return value < BILLION ? 9 : 10;
}
