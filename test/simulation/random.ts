/** A stream of chance that a seed and a name decide. */
export class Random {
  #state: number;

  constructor(seed: number, stream: string) {
    let hash = 0x811c9dc5 ^ seed;
    for (let i = 0; i < stream.length; i += 1) {
      hash = Math.imul(hash ^ stream.charCodeAt(i), 0x01000193);
    }
    this.#state = hash >>> 0;
    // The first draws of neighbouring seeds would be alike.
    for (let i = 0; i < 4; i += 1) this.unit();
  }

  /** From 0 up to but not including 1. */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both bounds included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.unit() * choices.length)];
  }

  /** Mostly about `typical`, now and then many times as long. */
  delay(typical: number): number {
    const unit = this.unit();
    return unit < 0.96 ? typical * (0.2 + 1.6 * unit) : typical * (2 + 600 * (unit - 0.96));
  }
}
