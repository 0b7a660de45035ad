import type { Disk } from './disk.ts';
import { visibleParts, type Watch } from './watch.ts';
import { type Event, POISON, RESET, type Workload } from './workload.ts';

/**
 * Holds the output of a job that has finished against the input, from scratch:
 *
 * O1  Every record counted exactly once in the state of its key: counts run 1, 2, 3 … and sums with them, in output order, and
 *     begin anew after a record that resets the key.
 * O2  Every record of the input comes out exactly once, the poisoned ones as dead letters.
 * O3  Records of one key and split come out in their order.
 * O4  All records of a part were made by the one version that ran between its barriers.
 *
 * Returns what is wrong.
 */
export function checkOutput(
  disk: Disk,
  workload: Workload,
  watch: Watch,
  deadLetters: readonly Event[],
): readonly string[] {
  const wrong: string[] = [];
  const records = [...workload.input.values()].flat(2);
  const live = records.filter((record) => record.key !== POISON);
  const poisoned = records.filter((record) => record.key === POISON);
  const out = readParts(disk, 'out', wrong);
  if (workload.emit === 'record') {
    checkVersions(disk, 'out', watch, wrong);
    checkOnce('out', out, live, wrong);
    checkOrder('out', out, wrong);
    checkSums(out, wrong);
  } else {
    checkTotals(out, live, wrong);
  }
  if (workload.raw) {
    const raw = readParts(disk, 'raw', wrong);
    checkVersions(disk, 'raw', watch, wrong);
    checkOnce('raw', raw, live, wrong);
    checkOrder('raw', raw, wrong);
  }
  checkOnce('dead letters', deadLetters, poisoned, wrong);
  return wrong;
}

function readParts(disk: Disk, sink: string, wrong: string[]): readonly Event[] {
  return visibleParts(disk, sink).flatMap((path) => readPart(disk, path, wrong));
}

function readPart(disk: Disk, path: string, wrong: string[]): readonly Event[] {
  const node = disk.node(path);
  const text = node.kind === 'file' ? new TextDecoder().decode(node.bytes) : '';
  const lines = text.split('\n');
  if (lines.pop() !== '' || text === '') wrong.push(`O2: "${path}" is cut`);
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Event];
    } catch {
      wrong.push(`O2: "${path}" has a line that is not JSON`);
      return [];
    }
  });
}

function checkVersions(disk: Disk, sink: string, watch: Watch, wrong: string[]): void {
  for (const path of visibleParts(disk, sink)) {
    const stamps = watch.versionsOf('stamp', path);
    const sums = watch.versionsOf('sum', path);
    for (const event of readPart(disk, path, [])) {
      // The first record of a key is its state, and was folded by nobody.
      const folded = sink === 'out' && event.count > 1;
      if (stamps.includes(event.stamp) && (!folded || sums.includes(event.by))) continue;
      wrong.push(
        `O4: ${nameOf(event)} in "${path}" was made by ${event.stamp} and ${event.by}, not by ${stamps} and ${sums}`,
      );
      break;
    }
  }
}

function checkOnce(
  where: string,
  found: readonly Event[],
  expected: readonly Event[],
  wrong: string[],
): void {
  const left = new Map(expected.map((event) => [nameOf(event), event]));
  for (const event of found) {
    if (!left.delete(nameOf(event))) wrong.push(`O2: ${nameOf(event)} is in ${where} again`);
  }
  if (left.size === 0) return;
  wrong.push(`O2: ${left.size} records are not in ${where}: ${[...left.keys()].slice(0, 3)}`);
}

function checkOrder(where: string, found: readonly Event[], wrong: string[]): void {
  const latest = new Map<string, number>();
  for (const event of found) {
    const line = `${event.key} ${event.source}-${event.split}`;
    if ((latest.get(line) ?? -1) >= event.offset) {
      wrong.push(`O3: ${nameOf(event)} comes too late in ${where}`);
    }
    latest.set(line, event.offset);
  }
}

function checkSums(found: readonly Event[], wrong: string[]): void {
  const keys = new Map<string, { count: number; sum: number }>();
  for (const event of found) {
    const before = keys.get(event.key) ?? { count: 0, sum: 0 };
    const after = { count: before.count + 1, sum: before.sum + event.value };
    if (event.value === RESET) keys.delete(event.key);
    else keys.set(event.key, after);
    if (event.count === after.count && event.sum === after.sum) continue;
    wrong.push(
      `O1: ${nameOf(event)} has count ${event.count} and sum ${event.sum}, not ${after.count} and ${after.sum}`,
    );
    return;
  }
}

/** One result per key, put out at the end. */
function checkTotals(found: readonly Event[], live: readonly Event[], wrong: string[]): void {
  const totals = new Map<string, string>();
  for (const { key } of live) {
    const mine = live.filter((event) => event.key === key);
    const sum = mine.reduce((total, event) => total + event.value, 0);
    totals.set(key, `count ${mine.length} and sum ${sum}`);
  }
  for (const { key, count, sum } of found) {
    const result = `count ${count} and sum ${sum}`;
    if (totals.get(key) !== result) {
      wrong.push(`O1: key ${key} has ${result}, not ${totals.get(key) ?? 'again'}`);
    }
    totals.delete(key);
  }
  if (totals.size > 0) wrong.push(`O2: no result for ${[...totals.keys()]}`);
}

function nameOf({ source, split, offset, key }: Event): string {
  return `${source}-${split}:${offset} (${key})`;
}
