/** A bytes value left where it is: an address and a length. Immutable. */
@final
export class Bytes {
  /** Address of the first byte. */
  readonly start: usize;
  readonly length: i32;

  constructor(start: usize = 0, length: i32 = 0) {
    this.start = start;
    this.length = length;
  }

  /** A copy of the array's bytes. */
  static of(array: Uint8Array): Bytes {
    const copy = __new(<usize>array.length, idof<ArrayBuffer>());
    memory.copy(copy, array.dataStart, <usize>array.length);
    return new Bytes(copy, array.length);
  }

  @operator('[]')
  at(index: i32): u8 {
    if (<u32>index >= <u32>this.length) throw new RangeError('index out of range');
    return load<u8>(this.start + <usize>index);
  }

  equals(other: Bytes): bool {
    if (this.length != other.length) return false;
    return memory.compare(this.start, other.start, <usize>this.length) == 0;
  }

  slice(begin: i32, end: i32 = i32.MAX_VALUE): Bytes {
    const length = this.length;
    begin = begin < 0 ? max(length + begin, 0) : min(begin, length);
    end = end < 0 ? max(length + end, 0) : min(end, length);
    return new Bytes(this.start + <usize>begin, max(end - begin, 0));
  }

  toArray(): Uint8Array {
    const array = new Uint8Array(this.length);
    memory.copy(array.dataStart, this.start, <usize>this.length);
    return array;
  }
}
