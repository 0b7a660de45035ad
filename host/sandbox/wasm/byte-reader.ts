import { malformed } from './module-fault.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the primitives of the binary format between `offset` and `end`. Offsets are those of the
 * module. Every read checks the end; a fault names the offset where the value starts.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  offset: number;
  end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  byte(): number {
    if (this.offset >= this.end) malformed(this.offset, 'unexpected end');
    return this.bytes[this.offset++];
  }

  /** Unsigned LEB128 of at most 32 bits. */
  u32(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    const start = this.offset - 1;
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.byte();
    if (last > 0x0f) malformed(start, 'number longer than 32 bits');
    return (value | (last << 28)) >>> 0;
  }

  /** Signed LEB128 of at most 32 bits. */
  s32(): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return byte & 0x40 ? value | (-1 << (shift + 7)) : value;
    }
    const last = this.byte();
    const high = last & 0x78;
    if (last > 0x7f || (high !== 0 && high !== 0x78)) {
      malformed(start, 'number longer than 32 bits');
    }
    return value | (last << 28);
  }

  /** Signed LEB128 of at most 33 bits, as block types use it. */
  s33(): number {
    const start = this.offset;
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 5; i++) {
      const byte = this.byte();
      if (i === 4) {
        const high = byte & 0x70;
        if (byte > 0x7f || (high !== 0 && high !== 0x70)) {
          malformed(start, 'number longer than 33 bits');
        }
      }
      value += (byte & 0x7f) * unit;
      unit *= 128;
      if (byte < 0x80) return byte & 0x40 ? value - unit : value;
    }
    return malformed(start, 'number longer than 33 bits');
  }

  /** Steps over a signed LEB128 of at most 64 bits. */
  skipS64(): void {
    const start = this.offset;
    for (let i = 0; i < 9; i++) if (this.byte() < 0x80) return;
    const last = this.byte();
    if (last !== 0 && last !== 0x7f) malformed(start, 'number longer than 64 bits');
  }

  skip(bytes: number): void {
    if (bytes > this.end - this.offset) malformed(this.offset, 'unexpected end');
    this.offset += bytes;
  }

  /** A length and that many bytes of UTF-8. */
  name(): string {
    const length = this.u32();
    const start = this.offset;
    this.skip(length);
    try {
      return UTF8.decode(this.bytes.subarray(start, this.offset));
    } catch {
      return malformed(start, 'name is not valid UTF-8');
    }
  }
}
