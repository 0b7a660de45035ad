/** Key groups: what a snapshot is dealt by. */
export let keyGroups: u32 = 1;
/** keyGroups - 1 when that is a power of two, else 0: dividing costs more than the rest of what is done per entry. */
let groupMask: u32 = 0;

export function initGroups(count: u32): void {
  keyGroups = count;
  groupMask = popcnt(count) == 1 ? count - 1 : 0;
}

// @ts-ignore: decorator
@inline
export function groupOf(hash: u32): u32 {
  return groupMask != 0 ? hash & groupMask : hash % keyGroups;
}
