/**
 * Values between rows and objects. One generic function per direction; the branches are decided at
 * compile time. `row` and `out` are addresses of rows, `slot` the address of a slot, `tail` the
 * offset in `out` where the next piece of the tail goes.
 *
 * C1  `out` has room for the row's bound and 16 bytes more; pieces may run over by as much.
 * C2  `row` and `out` do not overlap.
 */
import { Bytes } from './bytes';
import { copyBytes, decodeText, encodeText } from './text';
import { Utf8 } from './utf8';

// @ts-ignore: decorator
@inline
const NO_TIME: i64 = i64.MIN_VALUE;

// @ts-ignore: decorator
@inline
function isSpan<T>(): bool {
  return idof<T>() == idof<Utf8>() || idof<T>() == idof<Bytes>();
}

// @ts-ignore: decorator
@inline
function isByteArray<T>(): bool {
  return idof<T>() == idof<Uint8Array>();
}

/** The value that the slot describes. */
// @ts-ignore: decorator
@global
export function __mr_get<T>(row: usize, slot: usize): T {
  if (!isReference<T>()) {
    return load<T>(slot);
  } else {
    const start = row + <usize>load<u32>(slot);
    const extent = load<u32>(slot, 4);
    if (isString<T>()) {
      return changetype<T>(decodeText(start, <usize>extent));
    } else if (idof<T>() == idof<Utf8>()) {
      return changetype<T>(new Utf8(start, <i32>extent));
    } else if (idof<T>() == idof<Bytes>()) {
      return changetype<T>(new Bytes(start, <i32>extent));
    } else if (isByteArray<T>()) {
      return changetype<T>(new Bytes(start, <i32>extent).toArray());
    } else if (isArray<T>()) {
      const list = new Array<valueof<T>>(<i32>extent);
      for (let i = 0, n = <i32>extent; i < n; i++) {
        list[i] = __mr_get<valueof<T>>(row, start + (<usize>i << 3));
      }
      return changetype<T>(list);
    } else {
      const view = __mr_view<T>();
      // @ts-ignore: a record
      view.__mr_move(start);
      return view;
    }
  }
}

/** Bytes that `__mr_put` uses of the tail at most. */
// @ts-ignore: decorator
@global
export function __mr_bound<T>(value: T): usize {
  if (!isReference<T>()) {
    return 0;
  } else if (isString<T>()) {
    return <usize>changetype<string>(value).length * 3;
  } else if (isSpan<T>() || isByteArray<T>()) {
    // @ts-ignore: a span or an array of bytes
    return <usize>value.length;
  } else if (isArray<T>()) {
    const list = changetype<Array<valueof<T>>>(changetype<usize>(value));
    let bound = 8 + (<usize>list.length << 3);
    if (isReference<valueof<T>>()) {
      for (let i = 0, n = list.length; i < n; i++) bound += __mr_bound<valueof<T>>(list[i]);
    }
    return bound;
  } else {
    // @ts-ignore: a record
    return 8 + value.__mr_bound();
  }
}

/** Bytes that `__mr_copy` uses of the tail at most. Pieces of a valid row may overlap, so it counts. */
// @ts-ignore: decorator
@global
export function __mr_copy_bound<T>(row: usize, from: usize): usize {
  if (!isReference<T>()) {
    return 0;
  } else {
    const extent = <usize>load<u32>(from, 4);
    if (isString<T>() || isSpan<T>() || isByteArray<T>()) {
      return extent;
    } else if (isArray<T>()) {
      let bound = 8 + (extent << 3);
      if (isReference<valueof<T>>()) {
        const start = row + <usize>load<u32>(from);
        for (let at: usize = 0; at < extent << 3; at += 8) {
          bound += __mr_copy_bound<valueof<T>>(row, start + at);
        }
      }
      return bound;
    } else {
      return 8 + extent;
    }
  }
}

/** Writes the value's slot and its pieces; returns the new tail. */
// @ts-ignore: decorator
@global
export function __mr_put<T>(out: usize, slot: usize, tail: usize, value: T): usize {
  if (!isReference<T>()) {
    store<u64>(slot, 0);
    store<T>(slot, value);
    return tail;
  } else if (isString<T>()) {
    return span(slot, tail, encodeText(changetype<string>(value), out + tail));
  } else if (isSpan<T>()) {
    // @ts-ignore: a span
    const bytes = <usize>value.length;
    // @ts-ignore: a span
    copyBytes(out + tail, value.start, bytes);
    return span(slot, tail, bytes);
  } else if (isByteArray<T>()) {
    const array = changetype<Uint8Array>(changetype<usize>(value));
    copyBytes(out + tail, array.dataStart, <usize>array.length);
    return span(slot, tail, <usize>array.length);
  } else if (isArray<T>()) {
    const list = changetype<Array<valueof<T>>>(changetype<usize>(value));
    const length = list.length;
    if (length == 0) return span(slot, tail, 0);
    const slots = __mr_align(out, tail);
    store<u64>(slot, <u64>slots | (<u64>length << 32));
    let end = slots + (<usize>length << 3);
    for (let i = 0; i < length; i++) {
      end = __mr_put<valueof<T>>(out, out + slots + (<usize>i << 3), end, list[i]);
    }
    return end;
  } else {
    const start = __mr_align(out, tail);
    // @ts-ignore: a record
    const bytes: usize = value.__mr_write(out + start);
    store<u32>(out + start, 0, 4);
    store<i64>(out + start, NO_TIME, 8);
    return span(slot, start, bytes);
  }
}

/** Copies the value's slot and pieces from one row to another without decoding; returns the new tail. */
// @ts-ignore: decorator
@global
export function __mr_copy<T>(out: usize, slot: usize, tail: usize, row: usize, from: usize): usize {
  if (!isReference<T>()) {
    store<u64>(slot, load<u64>(from));
    return tail;
  } else {
    const extent = <usize>load<u32>(from, 4);
    if (extent == 0) return span(slot, tail, 0);
    const start = row + <usize>load<u32>(from);
    if (isString<T>() || isSpan<T>() || isByteArray<T>()) {
      copyBytes(out + tail, start, extent);
      return span(slot, tail, extent);
    } else if (isArray<T>()) {
      const slots = __mr_align(out, tail);
      store<u64>(slot, <u64>slots | (<u64>extent << 32));
      let end = slots + (extent << 3);
      for (let at: usize = 0; at < extent << 3; at += 8) {
        end = __mr_copy<valueof<T>>(out, out + slots + at, end, row, start + at);
      }
      return end;
    } else {
      const aligned = __mr_align(out, tail);
      copyBytes(out + aligned, start, extent);
      return span(slot, aligned, extent);
    }
  }
}

/** Zeroes the bytes up to the next multiple of 8 and returns it. */
// @ts-ignore: decorator
@inline @global
export function __mr_align(out: usize, tail: usize): usize {
  store<u64>(out + tail, 0);
  return (tail + 7) & ~7;
}

// @ts-ignore: decorator
@inline
function span(slot: usize, offset: usize, extent: usize): usize {
  store<u64>(slot, extent == 0 ? 0 : <u64>offset | (<u64>extent << 32));
  return offset + extent;
}

/** Copies a row or the fixed part of one: a multiple of 8 bytes. */
// @ts-ignore: decorator
@inline @global
export function __mr_copy_row(target: usize, source: usize, bytes: usize): void {
  if (bytes <= 128) {
    for (let at: usize = 0; at < bytes; at += 8) {
      store<u64>(target + at, load<u64>(source + at));
    }
  } else {
    memory.copy(target, source, bytes);
  }
}

/** A view that shows no row yet. */
// @ts-ignore: decorator
@inline @global
export function __mr_view<T>(): T {
  return changetype<T>(__new(offsetof<T>(), idof<T>()));
}

/** The row of a new record: slots of 0. */
// @ts-ignore: decorator
@global
export function __mr_new_row(bytes: usize): usize {
  const row = __new(bytes, idof<ArrayBuffer>());
  store<u64>(row, <u64>bytes);
  store<i64>(row, NO_TIME, 8);
  for (let at: usize = 16; at < bytes; at += 8) store<u64>(row + at, 0);
  return row;
}
