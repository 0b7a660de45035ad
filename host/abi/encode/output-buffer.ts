/** Bytes from here on are copied natively; shorter runs are over before the call is set up. */
const NATIVE_COPY_BYTES = 192;
/** Room that `ensure` keeps beyond what is asked, for writes of whole words. */
const SLACK = 16;

/** A growing buffer of encoded text. Reused: `clear` keeps the memory. Used by encoders, one each. */
export class OutputBuffer {
  bytes: Uint8Array = new Uint8Array(1 << 16);
  view: DataView = new DataView(this.bytes.buffer);
  /** Bytes in use. */
  length = 0;

  clear(): void {
    this.length = 0;
  }

  /** The text so far, without copying. */
  text(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Makes room for `count` more bytes, and some to spare. */
  ensure(count: number): void {
    if (this.length + count + SLACK > this.bytes.length) this.#grow(count);
  }

  /** Appends one byte. */
  byte(byte: number): void {
    this.ensure(1);
    this.bytes[this.length++] = byte;
  }

  /** Appends bytes; `view` is over the same memory as `bytes`. */
  append(bytes: Uint8Array, view: DataView, from: number, count: number): void {
    this.ensure(count);
    const to = this.length;
    this.length = to + count;
    if (count >= NATIVE_COPY_BYTES) {
      this.bytes.set(bytes.subarray(from, from + count), to);
      return;
    }
    const target = this.view;
    let i = 0;
    for (; i + 4 <= count; i += 4) target.setInt32(to + i, view.getInt32(from + i, true), true);
    for (; i < count; i++) this.bytes[to + i] = bytes[from + i];
  }

  /** Appends text of ASCII characters. */
  ascii(text: string): void {
    this.ensure(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.length + i] = text.charCodeAt(i);
    this.length += text.length;
  }

  #grow(count: number): void {
    const size = Math.max(this.length + count + SLACK, this.bytes.length * 2);
    const bytes = new Uint8Array(size);
    bytes.set(this.text());
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }
}
