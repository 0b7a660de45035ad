/**
 * Hash → entry: open addressing, linear probing, a power of two of slots, each `u32 hash · u32 entry` (0 = empty).
 *
 * A slot is found by the upper bits of hash × φ, not by the lower bits of the hash: those make the key group, and a task owns few of
 * the groups.
 *
 * S1  Growing doubles the slots and moves the old ones over a few at a time, so no call pays for all of it.
 * S2  While that goes on, new entries go where they would stand now: to the old slots if those are still to be moved, else to the
 *     new. All to the new would touch all their pages at once, which costs more than the moving. Who looks for a key looks in the
 *     new first, then in the old. Slots that were moved keep the probe sequences whole but are not believed: their blocks
 *     may be others' by now.
 * S3  The slot of a removed entry points to `GRAVE`, an entry that no key is equal to: probing goes on behind it, and who probes
 *     need not know. Graves are given to new entries and fall away when slots are moved; too many of them are a reason to
 *     move all to as many new slots.
 * S4  Entries met lately are noted beside the slots (`find-entries.ts`), with their hash. Whoever moves or removes an entry clears its note.
 */
import { NO_MEMORY } from '../../../abi/kernel/assembly/key';
import { hasKey, hashOf, writeHeader } from './entry';
import { freshRegion, giveRegion, GRAVE, RECENT, RECENT_BITS, region } from './memory';

const PHI: u32 = 0x9e3779b1;
const BITS_MIN: u32 = 6;
const BITS_MAX: u32 = 28;
/** Old slots moved per new entry: a table of n slots is done long before n more entries ask for the next growth. */
const MOVED_PER_INSERT: u32 = 8;

export let slots: usize = 0;
/** 32 - log2 of the number of slots. */
export let shift: u32 = 32;
export let mask: u32 = 0;
export let entries: u32 = 0;
/** Among the new slots. */
let graves: u32 = 0;

let oldSlots: usize = 0;
let oldShift: u32 = 0;
let oldMask: u32 = 0;
let moved: u32 = 0;

/** Makes the first slots; 0 or an error. */
export function initSlots(): i32 {
  writeHeader(GRAVE, 0, 0xff_ffff, 0);
  return useSlots(BITS_MIN) ? 0 : NO_MEMORY;
}

// @ts-ignore: decorator
@inline
export function isMoving(): bool {
  return oldSlots != 0;
}

// @ts-ignore: decorator
@inline
export function homeOf(hash: u32): u32 {
  return (hash * PHI) >> shift;
}

/** The slot to look at first for a key with this hash. */
// @ts-ignore: decorator
@inline
export function firstPlace(hash: u32): usize {
  if (oldSlots != 0) {
    const index = (hash * PHI) >> oldShift;
    if (index >= moved) return oldSlots + (<usize>index << 3);
  }
  return slots + (<usize>homeOf(hash) << 3);
}

/** Where an entry with this hash is noted when it was met lately: `u32 hash · u32 entry`, 0 = none. */
// @ts-ignore: decorator
@inline
export function recentPlace(hash: u32): usize {
  return RECENT + (<usize>((hash * PHI) >> (32 - RECENT_BITS)) << 3);
}

/** The first entry with this hash, or 0 when there is none. */
// @ts-ignore: decorator
@inline
export function candidate(hash: u32): u32 {
  return oldSlots == 0 ? newCandidate(hash) : eitherCandidate(hash);
}

/** Where it stands by S2 first; the other one as well, for probe sequences that cross the border. */
function eitherCandidate(hash: u32): u32 {
  if ((hash * PHI) >> oldShift < moved) {
    const entry = newCandidate(hash);
    return entry != 0 ? entry : oldCandidate(hash);
  }
  const entry = oldCandidate(hash);
  return entry != 0 ? entry : newCandidate(hash);
}

// @ts-ignore: decorator
@inline
function newCandidate(hash: u32): u32 {
  let index = homeOf(hash);
  while (true) {
    const slot = load<u64>(slots + (<usize>index << 3));
    if (<u32>slot == hash || slot >> 32 == 0) return <u32>(slot >> 32);
    index = (index + 1) & mask;
  }
}

// @ts-ignore: decorator
@inline
function oldCandidate(hash: u32): u32 {
  let index = (hash * PHI) >> oldShift;
  while (true) {
    const slot = load<u64>(oldSlots + (<usize>index << 3));
    if ((<u32>slot == hash && index >= moved) || slot >> 32 == 0) return <u32>(slot >> 32);
    index = (index + 1) & oldMask;
  }
}

/** The entry of a key, or 0. `key` is padded with zeros to 8. */
export function find(hash: u32, key: usize, length: u32): usize {
  let index = homeOf(hash);
  while (true) {
    const slot = load<u64>(slots + (<usize>index << 3));
    const entry = <usize>(slot >> 32);
    if (entry == 0) return isMoving() ? findOld(hash, key, length) : 0;
    if (<u32>slot == hash && hasKey(entry, key, length)) return entry;
    index = (index + 1) & mask;
  }
}

/** Adds an entry whose key is not there. 0 or an error. */
export function insert(hash: u32, entry: usize): i32 {
  if (isMoving()) {
    moveSome(MOVED_PER_INSERT);
  } else if ((<u64>(entries + graves + 1) << 3) > (<u64>mask + 1) * 5) {
    const grown = startGrowth();
    if (grown < 0) return grown;
  }
  if (!isMoving() || !placeOld(hash, entry)) place(hash, entry);
  entries++;
  return 0;
}

/** Puts an entry that was moved to another block where the old one stood. */
export function replace(hash: u32, from: usize, to: usize): void {
  store<u64>(recentPlace(hash), 0);
  store<u32>(slotOf(hash, from), <u32>to, 4);
}

/** The slot of an entry that is there. */
function slotOf(hash: u32, from: usize): usize {
  let index = homeOf(hash);
  while (true) {
    const slot = slots + (<usize>index << 3);
    const entry = load<u32>(slot, 4);
    if (entry == 0) break;
    if (entry == <u32>from) return slot;
    index = (index + 1) & mask;
  }
  // Then it was not moved yet and stands in the old ones; those already moved may name the same block for another key.
  index = (hash * PHI) >> oldShift;
  while (index < moved || load<u32>(oldSlots + (<usize>index << 3), 4) != <u32>from) {
    index = (index + 1) & oldMask;
  }
  return oldSlots + (<usize>index << 3);
}

/** Takes an entry out (S3). Its key is still there to be read. */
export function unlink(hash: u32, entry: usize): void {
  store<u64>(recentPlace(hash), 0);
  entries--;
  const slot = slotOf(hash, entry);
  if (slot < slots || slot > slots + (<usize>mask << 3)) {
    store<u32>(slot, <u32>GRAVE, 4);
    return;
  }
  let index = <u32>((slot - slots) >> 3);
  if (load<u32>(slots + (<usize>((index + 1) & mask) << 3), 4) != 0) {
    store<u32>(slot, <u32>GRAVE, 4);
    graves++;
    return;
  }
  // Nothing stands behind it: neither this slot nor the graves before it lead anywhere.
  store<u64>(slot, 0);
  while (true) {
    index = (index - 1) & mask;
    const before = slots + (<usize>index << 3);
    if (load<u32>(before, 4) != <u32>GRAVE) return;
    store<u64>(before, 0);
    graves--;
  }
}

/** Moves up to `count` old slots over. */
export function moveSome(count: u32): void {
  if (!isMoving()) return;
  const end = min<u64>(<u64>moved + count, <u64>oldMask + 1);
  for (let index = <u64>moved; index < end; index++) {
    const slot = load<u64>(oldSlots + (<usize>index << 3));
    const entry = <usize>(slot >> 32);
    if (entry != 0 && entry != GRAVE) place(<u32>slot, entry);
  }
  moved = <u32>end;
  if (end <= oldMask) return;
  giveRegion(oldSlots, oldSlots + ((<usize>oldMask + 1) << 3));
  oldSlots = 0;
}

/** Moves all that is left, for those who walk over the slots. */
export function moveAll(): void {
  moveSome(u32.MAX_VALUE);
}

/** Makes room for `count` entries at once, while there are none. 0 or an error. */
export function reserveSlots(count: u32): i32 {
  let bits: u32 = 32 - shift;
  while (bits < BITS_MAX && (<u64>count << 3) > ((<u64>1 << bits) * 5)) bits++;
  if (entries != 0 || bits == 32 - shift) return 0;
  const before = slots;
  const end = slots + ((<usize>mask + 1) << 3);
  if (!useSlots(bits)) return NO_MEMORY;
  giveRegion(before, end);
  return 0;
}

function findOld(hash: u32, key: usize, length: u32): usize {
  let index = (hash * PHI) >> oldShift;
  while (true) {
    const slot = load<u64>(oldSlots + (<usize>index << 3));
    const entry = <usize>(slot >> 32);
    if (entry == 0) return 0;
    if (index >= moved && <u32>slot == hash && hasKey(entry, key, length)) return entry;
    index = (index + 1) & oldMask;
  }
}

// @ts-ignore: decorator
@inline
function place(hash: u32, entry: usize): void {
  let index = homeOf(hash);
  let before = load<u32>(slots + (<usize>index << 3), 4);
  while (before != 0 && before != <u32>GRAVE) {
    index = (index + 1) & mask;
    before = load<u32>(slots + (<usize>index << 3), 4);
  }
  if (before != 0) graves--;
  store<u64>(slots + (<usize>index << 3), (<u64>entry << 32) | hash);
}

/** Puts an entry among the old slots that are still to be moved; false when its place is not among them (S2). */
function placeOld(hash: u32, entry: usize): bool {
  let index = (hash * PHI) >> oldShift;
  if (index < moved) return false;
  for (; index <= oldMask; index++) {
    const slot = oldSlots + (<usize>index << 3);
    if (load<u32>(slot, 4) != 0) continue;
    store<u64>(slot, (<u64>entry << 32) | hash);
    return true;
  }
  return false;
}

function startGrowth(): i32 {
  const before = slots;
  const beforeShift = shift;
  const beforeMask = mask;
  // Half as full as it may be, or less, without the graves: as many slots will do.
  const same = (<u64>entries << 4) <= (<u64>mask + 1) * 5;
  if ((32 - shift == BITS_MAX && !same) || !useSlots(same ? 32 - shift : 33 - shift)) {
    // Fuller is slower, and still right as long as one slot is empty.
    return entries + graves < mask - (mask >> 4) ? 0 : NO_MEMORY;
  }
  oldSlots = before;
  oldShift = beforeShift;
  oldMask = beforeMask;
  moved = 0;
  return 0;
}

/** Takes 2^bits new slots; false when there is no memory. */
function useSlots(bits: u32): bool {
  const bytes = <u32>(<u64>8 << bits);
  // More slots than ever before: fresh memory is zeros already, and no region that was given back is as large.
  const fresh = bits > 32 - shift;
  const at = fresh ? freshRegion(bytes) : region(bytes);
  if (at == 0) return false;
  if (!fresh) memory.fill(at, 0, bytes);
  slots = at;
  shift = 32 - bits;
  mask = <u32>((<u64>1 << bits) - 1);
  graves = 0;
  return true;
}
