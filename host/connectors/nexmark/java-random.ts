/**
 * `java.util.Random`, bit for bit: a linear congruential generator modulo 2^48.
 *
 *     state' = state × 0x5DEECE66D + 0xB  (mod 2^48)
 *
 * The state is kept as two halves of 24 bits, so that products fit a double exactly and no BigInt is needed.
 * A draw of `n` bits takes the topmost `n` bits of the next state.
 */
const MULTIPLIER_HIGH = 0x5de;
const MULTIPLIER_LOW = 0xece66d;
const INCREMENT = 0xb;
const HALF_MASK = 0xff_ffff;
const TWO_24 = 0x100_0000;
const TO_HIGH = 1 / TWO_24;
/** What `nextLong` needs to answer exactly. */
const INT_MAX = 0x7fff_ffff;

export class JavaRandom {
  /** The state, for loops that step it themselves (`stepHigh`, `stepLow`). */
  high = 0;
  low = 0;

  /** The state of `new Random(seed)`. `seed` is a whole number from 0 to 2^53. */
  seed(seed: number): void {
    this.high = (Math.floor(seed * TO_HIGH) & HALF_MASK) ^ MULTIPLIER_HIGH;
    this.low = (seed & HALF_MASK) ^ MULTIPLIER_LOW;
  }

  /** Any 32-bit integer. */
  nextInt(): number {
    this.#step();
    return (this.high << 8) | (this.low >>> 16);
  }

  /** An integer in [0, bound), `bound` from 1 to 2^31 - 1. */
  nextIntBelow(bound: number): number {
    let bits = this.#next31();
    if ((bound & (bound - 1)) === 0) return bound === 1 ? 0 : bits >>> Math.clz32(bound);
    let value = bits % bound;
    // The last, incomplete run of `bound` numbers would make small values likelier.
    while (bits - value + (bound - 1) > INT_MAX) {
      bits = this.#next31();
      value = bits % bound;
    }
    return value;
  }

  /** A number in [0, 1) with 53 random bits. */
  nextDouble(): number {
    this.#step();
    const top = (this.high << 2) | (this.low >>> 22);
    this.#step();
    const bottom = (this.high << 3) | (this.low >>> 21);
    return (top * 0x800_0000 + bottom) * 2 ** -53;
  }

  /** Any 64-bit integer. */
  nextLong(): bigint {
    const top = BigInt(this.nextInt());
    return BigInt.asIntN(64, (top << 32n) + BigInt(this.nextInt()));
  }

  #next31(): number {
    this.#step();
    return (this.high << 7) | (this.low >>> 17);
  }

  #step(): void {
    const { high, low } = this;
    this.high = stepHigh(high, low);
    this.low = stepLow(low);
  }
}

/** The high half of the next state. */
export function stepHigh(high: number, low: number): number {
  const carry = ((low * MULTIPLIER_LOW + INCREMENT) * TO_HIGH) | 0;
  return (Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH) + carry) & HALF_MASK;
}

/** The low half of the next state. */
export function stepLow(low: number): number {
  return (Math.imul(low, MULTIPLIER_LOW) + INCREMENT) & HALF_MASK;
}
