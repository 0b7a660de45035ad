/**
 * Finds entries by their hashes, for a block of rows at a time.
 *
 * Keys that come often are found in a small table of entries met lately, which stays in the cache, without their slots. What is touched
 * before it is worked on has a loop of its own that does nothing else: a processor sees some hundred instructions ahead, and the fewer
 * a row takes, the more misses it has in flight.
 */
import { BLOCK, GRAVE, MISSED } from './memory';
import { candidate, entries, firstPlace, recentPlace } from './slots';

/** Below this many entries slots and entries are in the cache, and all this is wasted. */
const TOUCH_ENTRIES_MIN: u32 = 4096;

let touched: u32 = 0;

/** Finds, for each row of the block, the first entry that has its hash, or one of those that have. */
export function findEntries(blockEnd: usize): void {
  if (entries < TOUCH_ENTRIES_MIN) {
    for (let item = BLOCK; item < blockEnd; item += 16) {
      store<u32>(item, candidate(load<u32>(item, 4)), 8);
    }
    return;
  }
  let missedEnd = MISSED;
  for (let item = BLOCK; item < blockEnd; item += 16) {
    const hash = load<u32>(item, 4);
    const recent = load<u64>(recentPlace(hash));
    const known = <u32>(<u32>recent == hash) & <u32>(recent >> 32 != 0);
    store<u32>(item, <u32>(recent >> 32), 8);
    store<u32>(missedEnd, <u32>item);
    missedEnd += select<u32>(0, 4, known);
  }
  let sum: u32 = 0;
  for (let missed = MISSED; missed < missedEnd; missed += 4) {
    sum += load<u32>(firstPlace(load<u32>(load<u32>(missed), 4)));
  }
  for (let missed = MISSED; missed < missedEnd; missed += 4) {
    const item: usize = load<u32>(missed);
    const hash = load<u32>(item, 4);
    const entry = candidate(hash);
    store<u32>(item, entry, 8);
    // A grave would be found for good.
    const kept = select<u32>(0, entry, entry == <u32>GRAVE);
    store<u64>(recentPlace(hash), <u64>hash | (<u64>kept << 32));
  }
  for (let missed = MISSED; missed < missedEnd; missed += 4) {
    sum += load<u32>(load<u32>(load<u32>(missed), 8));
  }
  // Kept, or the compiler would be free to drop the loads.
  touched = sum;
}
