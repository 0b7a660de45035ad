/** From here on the engine's own copy is faster than a loop; below, its call costs more than the bytes. */
const BULK_BYTES: u32 = 512;

/** Copies a multiple of 8 bytes between two places that do not overlap. */
// @ts-ignore: decorator
@inline
export function copyWords(to: usize, from: usize, bytes: u32): void {
  if (bytes >= BULK_BYTES) {
    memory.copy(to, from, bytes);
    return;
  }
  const end = from + (bytes & ~15);
  while (from < end) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  if (bytes & 8) store<u64>(to, load<u64>(from));
}

/** Rounded up to a multiple of 8. */
// @ts-ignore: decorator
@inline
export function align8(bytes: u32): u32 {
  return (bytes + 7) & ~7;
}
