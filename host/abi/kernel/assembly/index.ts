/**
 * The row kernel in WebAssembly. The host copies a batch to `inputAt()`, calls, and reads the answer.
 *
 *     descriptor │ group → target (u8) │ targets │ input rows │ dealt rows │ target of each row (u8)
 *
 * Errors are negative: `BAD_ROW`, `KEY_TOO_LARGE`, `NO_MEMORY`.
 */
import { copyWords } from './copy';
import {
  BAD_ROW,
  DESCRIPTOR_BYTES,
  hashOfKey,
  keyLength,
  NO_MEMORY,
  rowBytes,
  useDescriptor,
} from './key';

const KEY_GROUPS_MAX: usize = 32768;
const TARGETS_MAX: usize = 128;
/** Reads behind the last string, see `hashText`. */
const SLACK_BYTES: usize = 64;

const DESCRIPTOR: usize = (__heap_base + 63) & ~63;
const GROUP_TARGETS: usize = DESCRIPTOR + DESCRIPTOR_BYTES;
/** Per target: u32 bytes · u32 rows · u32 address of its rows · u32 where the next row goes. */
const TARGETS: usize = GROUP_TARGETS + KEY_GROUPS_MAX;
const INPUT: usize = (TARGETS + 16 * TARGETS_MAX + 63) & ~63;

/** Bytes of the input area. */
let room: usize = 0;
let keyGroups: u32 = 1;
let targets: u32 = 1;

export function descriptorAt(): usize {
  return DESCRIPTOR;
}

export function targetsAt(): usize {
  return TARGETS;
}

export function inputAt(): usize {
  return INPUT;
}

/** Makes room for a batch of `bytes`: the rows, the rows dealt, and a byte for each row. */
export function reserve(bytes: u32): i32 {
  room = (<usize>bytes + 63) & ~63;
  return grow(<u64>INPUT + 2 * (<u64>room + SLACK_BYTES) + (room >> 4));
}

/** Takes the key descriptor written to `descriptorAt()`. */
export function useKey(keyBytesMax: u32): void {
  useDescriptor(DESCRIPTOR, keyBytesMax);
}

/** Writes the hash of each row's key into its tag. */
export function hashKeys(bytes: u32, count: u32): i32 {
  const end = INPUT + bytes;
  const scratch = INPUT + room + SLACK_BYTES;
  let at = INPUT;
  for (; count > 0; count--) {
    const length = rowBytes(at, end);
    if (length == 0) return BAD_ROW;
    const key = keyLength(at);
    if (key < 0) return key;
    if (<u32>key > room && grow(<u64>scratch + key + 16) < 0) return NO_MEMORY;
    store<u32>(at, hashOfKey(at, key, scratch), 4);
    at += length;
  }
  return at == end ? 0 : BAD_ROW;
}

/** Deals `groups` key groups to `count` targets, as `taskOfKeyGroup` says. */
export function useTargets(groups: u32, count: u32): void {
  keyGroups = groups;
  targets = count;
  for (let group: u32 = 0; group < groups; group++) {
    store<u8>(GROUP_TARGETS + group, <u8>((group * count) / groups));
  }
}

/** Copies the rows, dealt by the key group of their tags, behind the input; `targetsAt()` tells where to. */
export function partition(bytes: u32, count: u32): i32 {
  const dealt = INPUT + room + SLACK_BYTES;
  const targetOf = dealt + room + SLACK_BYTES;
  const counted = countRows(bytes, count, targetOf);
  if (counted < 0) return counted;
  let next = dealt;
  for (let target: u32 = 0; target < targets; target++) {
    const entry = TARGETS + (target << 4);
    store<u32>(entry, next, 8);
    store<u32>(entry, next, 12);
    next += load<u32>(entry);
  }
  let at = INPUT;
  for (let row: u32 = 0; row < count; row++) {
    const entry = TARGETS + (<usize>load<u8>(targetOf + row) << 4);
    const length = load<u32>(at);
    const to = load<u32>(entry, 12);
    store<u32>(entry, to + length, 12);
    copyWords(to, at, length);
    at += length;
  }
  return 0;
}

/** Notes the target of each row, and the bytes and rows of each target. */
function countRows(bytes: u32, count: u32, targetOf: usize): i32 {
  memory.fill(TARGETS, 0, <usize>targets << 4);
  const end = INPUT + bytes;
  // Key groups are nearly always a power of two, and dividing costs as much as the rest of the loop.
  const mask = popcnt(keyGroups) == 1 ? keyGroups - 1 : 0;
  let at = INPUT;
  for (let row: u32 = 0; row < count; row++) {
    if (end - at < 16) return BAD_ROW;
    const length = load<u32>(at);
    if (length < 16 || length > <u32>(end - at) || (length & 7) != 0) return BAD_ROW;
    const hash = load<u32>(at, 4);
    const group = mask != 0 ? hash & mask : hash % keyGroups;
    const target = load<u8>(GROUP_TARGETS + group);
    store<u8>(targetOf + row, target);
    const entry = TARGETS + (<usize>target << 4);
    store<u32>(entry, load<u32>(entry) + length);
    store<u32>(entry, load<u32>(entry, 4) + 1, 4);
    at += length;
  }
  return at == end ? 0 : BAD_ROW;
}

function grow(bytes: u64): i32 {
  const pages = <i32>((bytes + 0xffff) >> 16) - memory.size();
  return pages <= 0 || memory.grow(pages) >= 0 ? 0 : NO_MEMORY;
}
