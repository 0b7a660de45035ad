/**
 * The runtime: a bump allocator. Nothing is ever freed one by one.
 *
 *     0            heap base        base              input end          mark         top
 *     ├ static data ┼ start-up heap ┼ input area ─────┼ output chunk ... ┼ one record's ┼ free
 *
 * A1  What the start function allocated lies below `base` and stays for the instance's life.
 * A2  `mr_buffer` puts the input area at `base`; a call starts with `top` at the input's end.
 * A3  Between two records of a call `top` falls back to `mark`, so nothing a function allocates
 *     outlives the record it was called for. Keyed calls keep everything until they return.
 * A4  `SLACK` bytes behind `top` exist, so copies may run over by less than a word.
 */

// @ts-ignore: decorator
@inline
const HEADER: usize = 8;
// @ts-ignore: decorator
@inline
const SLACK: usize = 64;
// @ts-ignore: decorator
@inline
const SIZE_MAX: usize = 0x3fff_0000;

// @ts-ignore: decorator
@lazy
let top: usize = (__heap_base + 15) & ~15;
let base: usize = 0;
let inputEnd: usize = 0;
let mark: usize = 0;
let limit: usize = 0;

function grow(end: usize): void {
  let have = <usize>memory.size() << 16;
  const need = end + SLACK;
  if (need > have) {
    const pages = <i32>((need - have + 0xffff) >>> 16);
    const more = max(pages, min(memory.size(), 64));
    if (memory.grow(more) < 0 && memory.grow(pages) < 0) throw new Error('guest memory exhausted');
    have = <usize>memory.size() << 16;
  }
  limit = have - SLACK;
}

/** Room for `size` bytes plus the object header; what `new` calls. */
// @ts-ignore: decorator
@global @unsafe
export function __new(size: usize, id: u32): usize {
  if (size > SIZE_MAX) throw new Error('allocation too large');
  const pointer = top + HEADER;
  const end = (pointer + size + 7) & ~7;
  if (end > limit) grow(end);
  store<u32>(pointer - 8, id);
  store<u32>(pointer - 4, <u32>size);
  top = end;
  return pointer;
}

// @ts-ignore: decorator
@global @unsafe
export function __renew(pointer: usize, size: usize): usize {
  if (size > SIZE_MAX) throw new Error('allocation too large');
  const old = <usize>load<u32>(pointer - 4);
  const last = ((pointer + old + 7) & ~7) == top;
  if (last || size <= old) {
    const end = (pointer + size + 7) & ~7;
    if (end > limit) grow(end);
    if (last) top = end;
    store<u32>(pointer - 4, <u32>size);
    return pointer;
  }
  const moved = __new(size, load<u32>(pointer - 8));
  memory.copy(moved, pointer, old);
  return moved;
}

// @ts-ignore: decorator
@global @unsafe
export function __alloc(size: usize): usize {
  return __new(size, 0);
}

// @ts-ignore: decorator
@global @unsafe
export function __realloc(pointer: usize, size: usize): usize {
  return __renew(pointer, size);
}

// @ts-ignore: decorator
@global @unsafe
export function __free(pointer: usize): void {}

// @ts-ignore: decorator
@global @unsafe
export function __reset(): void {}

// @ts-ignore: decorator
@global @unsafe
export function __link(parent: usize, child: usize, expectMultiple: bool): void {}

// @ts-ignore: decorator
@global @unsafe
export function __pin(pointer: usize): usize {
  return pointer;
}

// @ts-ignore: decorator
@global @unsafe
export function __unpin(pointer: usize): void {}

// @ts-ignore: decorator
@global @unsafe
export function __visit(pointer: usize, cookie: u32): void {}

// @ts-ignore: decorator
@global @unsafe
export function __collect(): void {}

/** The input area (ABI.md, section 4). */
export function mr_buffer(bytes: i32): i32 {
  if (bytes < 0) throw new Error('input area too large');
  if (base == 0) base = (top + 15) & ~15;
  inputEnd = ((base + <usize>bytes + 7) & ~7) + 8;
  if (inputEnd > limit) grow(inputEnd);
  return <i32>base;
}

/** The memory of the call before is free again. */
export function beginCall(): void {
  if (inputEnd == 0) mr_buffer(0);
  top = inputEnd;
}

/** A block without a header, 8-byte aligned, not zeroed. */
export function allocateBlock(bytes: usize): usize {
  const start = top;
  const end = (start + bytes + 7) & ~7;
  if (end > limit || end < start) grow(end);
  top = end;
  return start;
}

/** What is allocated so far outlives the records to come. */
// @ts-ignore: decorator
@inline @global
export function __mr_mark(): void {
  mark = top;
}

/** Frees what the record's function allocated. */
// @ts-ignore: decorator
@inline @global
export function __mr_reset(): void {
  top = mark;
}

/** A block that survives `__mr_reset`, allocated while a record is under way. */
export function allocateBeyondRecord(bytes: usize): usize {
  const start = allocateBlock(bytes);
  mark = top;
  return start;
}
