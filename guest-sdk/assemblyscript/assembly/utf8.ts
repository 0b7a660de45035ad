import { decodeText, encodeText } from './text';

/** A byte that `\s` of a regular expression matches, of those below 128. */
// @ts-ignore: decorator
@inline
function isSpace(byte: u32): bool {
  return byte == 32 || byte - 9 < 5;
}

/**
 * The first space at or after `at`, or `end`. Looks at 16 bytes at once, also at those behind `end`, of which the arena has some
 * to spare: a loop over bytes is left at a place that no processor can guess, once a word.
 */
function nextSpace(at: usize, end: usize): usize {
  while (at < end) {
    const bytes = v128.load(at);
    const controls = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(9)), i8x16.splat(5));
    const spaces = i8x16.bitmask(v128.or(controls, i8x16.eq(bytes, i8x16.splat(32))));
    if (spaces != 0) return min(at + <usize>ctz(spaces), end);
    at += 16;
  }
  return end;
}

/** A string value left as UTF-8 where it is: an address and a length. Immutable. */
@final
export class Utf8 {
  /** Address of the first byte. */
  readonly start: usize;
  /** Bytes. */
  readonly length: i32;

  constructor(start: usize = 0, length: i32 = 0) {
    this.start = start;
    this.length = length;
  }

  /** The UTF-8 form of `text`. */
  static of(text: string): Utf8 {
    const start = __new(<usize>text.length * 3, idof<ArrayBuffer>());
    const bytes = encodeText(text, start);
    __renew(start, bytes);
    return new Utf8(start, <i32>bytes);
  }

  byteAt(index: i32): u8 {
    if (<u32>index >= <u32>this.length) throw new RangeError('index out of range');
    return load<u8>(this.start + <usize>index);
  }

  equals(other: Utf8): bool {
    const length = this.length;
    if (length != other.length) return false;
    return memory.compare(this.start, other.start, <usize>length) == 0;
  }

  /** Whether it reads the same as `text`; nothing is decoded. */
  is(text: string): bool {
    return this.matches(0, text) == this.length;
  }

  startsWith(text: string): bool {
    return this.matches(0, text) >= 0;
  }

  endsWith(text: string): bool {
    return this.lastIndexIfEnd(text) >= 0;
  }

  contains(text: string): bool {
    return this.indexOf(text) >= 0;
  }

  /** Byte offset of the first occurrence at or after `from`, or -1. */
  indexOf(text: string, from: i32 = 0): i32 {
    for (let at = max(from, 0), last = this.length; at <= last; at++) {
      if (this.matches(at, text) >= 0) return at;
    }
    return -1;
  }

  /** Bytes `begin` to `end`, clamped; negative numbers count from the end. Cuts between any two bytes. */
  slice(begin: i32, end: i32 = i32.MAX_VALUE): Utf8 {
    const length = this.length;
    begin = begin < 0 ? max(length + begin, 0) : min(begin, length);
    end = end < 0 ? max(length + end, 0) : min(end, length);
    return new Utf8(this.start + <usize>begin, max(end - begin, 0));
  }

  /** Without ASCII white space at both ends. */
  trim(): Utf8 {
    let begin = this.start;
    let end = begin + <usize>this.length;
    while (begin < end && isSpace(load<u8>(begin))) begin++;
    while (begin < end && isSpace(load<u8>(end - 1))) end--;
    return new Utf8(begin, <i32>(end - begin));
  }

  /** The runs between ASCII white space: `text.split(/\s+/)` without empty pieces, for ASCII spaces. */
  words(): Utf8Words {
    return new Utf8Words(this.start, this.start + <usize>this.length);
  }

  /** The pieces between `separator`, empty ones included, as `text.split(separator)`. One character below 128. */
  split(separator: string): Utf8Pieces {
    const byte = separator.length == 1 ? <u32>separator.charCodeAt(0) : 128;
    if (byte >= 128) throw new Error('a separator is one ASCII character');
    return new Utf8Pieces(this.start, this.start + <usize>this.length, byte);
  }

  /** Order by bytes, which is order by code points: negative, 0 or positive. */
  compare(other: Utf8): i32 {
    const order = memory.compare(this.start, other.start, <usize>min(this.length, other.length));
    return order != 0 ? order : this.length - other.length;
  }

  /** The decimal number it spells, with an optional sign; `fallback` when it spells none. Wraps beyond 64 bits. */
  toI64(fallback: i64 = 0): i64 {
    let at = this.start;
    const end = at + <usize>this.length;
    if (at == end) return fallback;
    const sign = load<u8>(at);
    if (sign == 0x2d || sign == 0x2b) at++;
    if (at == end) return fallback;
    let value: i64 = 0;
    for (; at < end; at++) {
      const digit = <u32>load<u8>(at) - 0x30;
      if (digit > 9) return fallback;
      value = value * 10 + <i64>digit;
    }
    return sign == 0x2d ? -value : value;
  }

  toString(): string {
    return decodeText(this.start, <usize>this.length);
  }

  /** Offset after `text` if its UTF-8 form stands at `offset`, else -1. */
  private matches(offset: i32, text: string): i32 {
    let at = this.start + <usize>offset;
    const end = this.start + <usize>this.length;
    for (let index = 0, units = text.length; index < units; index++) {
      const unit = <u32>load<u16>(changetype<usize>(text) + (<usize>index << 1));
      if (unit >= 0x80) return this.matchesEncoded(offset, text);
      if (at >= end || <u32>load<u8>(at) != unit) return -1;
      at++;
    }
    return <i32>(at - this.start);
  }

  private matchesEncoded(offset: i32, text: string): i32 {
    const wanted = Utf8.of(text);
    const end = offset + wanted.length;
    if (end > this.length) return -1;
    const at = this.start + <usize>offset;
    return memory.compare(at, wanted.start, <usize>wanted.length) == 0 ? end : -1;
  }

  private lastIndexIfEnd(text: string): i32 {
    const wanted = Utf8.of(text);
    const at = this.length - wanted.length;
    if (at < 0) return -1;
    return memory.compare(this.start + <usize>at, wanted.start, <usize>wanted.length) == 0 ? at : -1;
  }
}

/** `while (words.next()) use(words.value)`. */
@final
export class Utf8Words {
  /** The piece that the last `next()` found. */
  value: Utf8;
  private at: usize;
  private end: usize;

  constructor(start: usize, end: usize) {
    this.value = changetype<Utf8>(0);
    this.at = start;
    this.end = end;
  }

  next(): bool {
    const end = this.end;
    let at = this.at;
    while (at < end && isSpace(load<u8>(at))) at++;
    if (at == end) {
      this.at = end;
      return false;
    }
    const next = nextSpace(at, end);
    this.at = next;
    this.value = new Utf8(at, <i32>(next - at));
    return true;
  }
}

/** `while (pieces.next()) use(pieces.value)`. */
@final
export class Utf8Pieces {
  value: Utf8;
  private at: usize;
  private end: usize;
  private separator: u32;
  private done: bool;

  constructor(start: usize, end: usize, separator: u32) {
    this.value = changetype<Utf8>(0);
    this.at = start;
    this.end = end;
    this.separator = separator;
    this.done = false;
  }

  next(): bool {
    if (this.done) return false;
    const end = this.end;
    const start = this.at;
    let at = start;
    while (at < end && <u32>load<u8>(at) != this.separator) at++;
    this.done = at == end;
    this.at = at + 1;
    this.value = new Utf8(start, <i32>(at - start));
    return true;
  }
}
