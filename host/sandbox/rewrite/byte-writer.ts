const UTF8 = new TextEncoder();

/** A growing buffer with the primitives of the binary format. */
export class ByteWriter {
  #bytes: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(16, capacity));
  }

  /** The bytes so far; valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  bytes(source: Uint8Array): void {
    this.#reserve(source.length);
    this.#bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Copies `source[start, end)`. */
  copy(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length);
    // Most runs are a few bytes: a loop beats a view and `set` there.
    if (length < 32) {
      for (let i = 0; i < length; i++) this.#bytes[this.length + i] = source[start + i];
    } else {
      this.#bytes.set(source.subarray(start, end), this.length);
    }
    this.length += length;
  }

  u32(value: number): void {
    this.#reserve(5);
    if (value >>> 0 < 0x80) {
      this.#bytes[this.length++] = value;
      return;
    }
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.length++] = rest;
  }

  s32(value: number): void {
    this.#reserve(5);
    let rest = value | 0;
    for (;;) {
      const byte = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
        this.#bytes[this.length++] = byte;
        return;
      }
      this.#bytes[this.length++] = byte | 0x80;
    }
  }

  name(text: string): void {
    const bytes = UTF8.encode(text);
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  /** A size and that many bytes. */
  sized(content: Uint8Array): void {
    this.u32(content.length);
    this.bytes(content);
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.written());
    this.#bytes = larger;
  }
}
