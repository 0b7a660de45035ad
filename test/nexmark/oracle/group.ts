/** The items by a key, keys in the order of their first item. */
export function groupBy<Item, Key>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** Items with a time, by the start of each window of `sizeMs` that begins every `everyMs` and holds them. */
export function windowBy<Item>(
  items: readonly Item[],
  timeOf: (item: Item) => number,
  window: { readonly sizeMs: number; readonly everyMs: number },
): Map<number, Item[]> {
  const { sizeMs, everyMs } = window;
  const windows = new Map<number, Item[]>();
  for (const item of items) {
    const last = Math.floor(timeOf(item) / everyMs) * everyMs;
    for (let start = last; start > timeOf(item) - sizeMs; start -= everyMs) {
      const held = windows.get(start);
      if (held === undefined) windows.set(start, [item]);
      else held.push(item);
    }
  }
  return windows;
}

export function maximum(values: readonly number[]): number {
  return values.reduce((most, value) => (value > most ? value : most), Number.NEGATIVE_INFINITY);
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The first item that no other one beats: ties go to the earlier. */
export function best<Item>(
  items: readonly Item[],
  compare: (a: Item, b: Item) => number,
): Item | undefined {
  let found: Item | undefined;
  for (const item of items) {
    if (found === undefined || compare(item, found) > 0) found = item;
  }
  return found;
}

/** Runs of times (sorted here) that are less than `gapMs` apart; `touching` takes exactly `gapMs` as well. */
export function sessions(times: readonly number[], gapMs: number, touching: boolean): number[][] {
  const runs: number[][] = [];
  for (const time of [...times].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    const distance = last === undefined ? Number.POSITIVE_INFINITY : time - last[last.length - 1];
    if (last !== undefined && (distance < gapMs || (touching && distance === gapMs))) {
      last.push(time);
    } else {
      runs.push([time]);
    }
  }
  return runs;
}
