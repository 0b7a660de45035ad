/** Entries and snapshot bytes of each key group, kept up to date, so that a snapshot knows its layout without a walk. */
import { NO_MEMORY } from '../../../abi/kernel/assembly/key';
import { freshRegion } from './memory';

/** Per group: u32 entries · u32 bytes. */
export let groups: usize = 0;
export let keyGroups: u32 = 1;
/** keyGroups - 1 when that is a power of two, else 0: dividing costs more than the rest of what is done per entry. */
let groupMask: u32 = 0;

export function initGroups(count: u32): i32 {
  keyGroups = count;
  groupMask = popcnt(count) == 1 ? count - 1 : 0;
  groups = freshRegion(count << 3);
  return groups == 0 ? NO_MEMORY : 0;
}

// @ts-ignore: decorator
@inline
export function groupOf(hash: u32): u32 {
  return groupMask != 0 ? hash & groupMask : hash % keyGroups;
}

/** Counts `entryCount` entries and `bytes` more (or less) in the group of `hash`. */
// @ts-ignore: decorator
@inline
export function count(hash: u32, entryCount: u32, bytes: u32): void {
  const group = groups + (<usize>groupOf(hash) << 3);
  store<u32>(group, load<u32>(group) + entryCount);
  store<u32>(group, load<u32>(group, 4) + bytes, 4);
}
