/**
 * `(significand × scale + rest) / divisor`, rounded once, for decimals with a few more digits than a double holds exactly.
 * All four are integers: `significand` up to 2^53, `scale` and `rest` up to 10^4, `divisor` a power of ten up to 10^22.
 * Returns NaN when the quotient lies so near the middle between two doubles that this cannot tell which is nearer.
 *
 * Double-double arithmetic (Dekker): products and remainders are kept as unevaluated sums of two doubles.
 */
export function divideDecimal(
  significand: number,
  scale: number,
  rest: number,
  divisor: number,
): number {
  const product = significand * scale;
  const tail = productError(significand, scale, product) + rest;
  const high = product + tail;
  const low = tail - (high - product);
  const quotient = high / divisor;
  const back = quotient * divisor;
  const remainder = high - back - productError(quotient, divisor, back) + low;
  const correction = remainder / divisor;
  // The correction is off by less than four units of its last place; the sum must not depend on that.
  const margin = Math.abs(correction) * 2 ** -50;
  const below = quotient + (correction - margin);
  const above = quotient + (correction + margin);
  return below === above ? below : Number.NaN;
}

/** 2^27 + 1: splits a double into two halves of 26 bits (Veltkamp). */
const SPLITTER = 134_217_729;

/** What `product`, the rounded `a × b`, lacks of the exact one. */
function productError(a: number, b: number, product: number): number {
  const aScaled = SPLITTER * a;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = SPLITTER * b;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}
