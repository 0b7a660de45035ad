import type { WindowedSpec } from '../../host/dataflow/window-spec.ts';
import type { TimedFields } from '../kit/window-tasks.ts';

/** A result as text: which function's does not matter, only of which window and which records it was made. */
export interface OracleResult {
  readonly key: string;
  readonly start: number | undefined;
  readonly end: number | undefined;
  readonly values: readonly bigint[];
}

interface Held {
  readonly time: number;
  readonly value: bigint;
}

interface OpenWindow {
  key: string;
  start: number | undefined;
  end: number | undefined;
  held: Held[];
  /** Since it fired last. */
  count: number;
}

const NEVER = Number.MIN_SAFE_INTEGER;

/**
 * What a windowed step should yield, as Flink's window operator says, a record at a time and from scratch: every window keeps its records,
 * nothing is shared between windows and nothing is folded before it is asked for.
 */
export class WindowOracle {
  readonly #spec: WindowedSpec;
  #windows: OpenWindow[] = [];
  #watermark = NEVER;
  #now = NEVER;
  readonly late: TimedFields[] = [];
  /** Records in at least one window. */
  windowed = 0;
  #out: OracleResult[] = [];

  constructor(spec: WindowedSpec) {
    this.#spec = spec;
  }

  feed(records: readonly TimedFields[]): OracleResult[] {
    for (const record of records) this.#add(record);
    return this.#taken();
  }

  watermark(timeMs: number): OracleResult[] {
    if (timeMs > this.#watermark) this.#advance(timeMs);
    return this.#taken();
  }

  now(nowMs: number): OracleResult[] {
    const { window, trigger } = this.#spec;
    const before = this.#now;
    this.#now = Math.max(before, nowMs);
    if (window.kind === 'aligned' && window.time === 'processing') this.#advance(this.#now - 1);
    const every = trigger?.everyMs;
    // The first look at the clock only tells what time it is.
    if (every !== undefined && before !== NEVER && before < this.#now) {
      if (Math.floor(before / every) < Math.floor(this.#now / every)) this.#fireAll();
    }
    return this.#taken();
  }

  #taken(): OracleResult[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #add(input: TimedFields): void {
    const { window } = this.#spec;
    const key = String(input.record.key);
    const value = BigInt(input.record.value as bigint);
    if (window.kind === 'count' || window.kind === 'global') {
      const open = this.#open(key, undefined, undefined);
      open.held.push({ time: 0, value });
      open.count += 1;
      this.windowed += 1;
      this.#afterRecord(open);
      return;
    }
    const byClock = window.kind === 'aligned' && window.time === 'processing';
    const time = byClock ? this.#now : input.time;
    const windows = time === undefined ? [] : this.#windowsOf(key, time, byClock);
    if (time === undefined || windows.length === 0) {
      this.late.push(input);
      return;
    }
    this.windowed += 1;
    for (const open of windows) {
      open.held.push({ time, value });
      open.count += 1;
      this.#afterRecord(open);
    }
  }

  #windowsOf(key: string, time: number, byClock: boolean): OpenWindow[] {
    const { window } = this.#spec;
    if (window.kind === 'session') return this.#session(key, time, window.gapMs);
    if (window.kind !== 'aligned') throw new Error('no window at a time');
    const { sizeMs, everyMs, offsetMs } = window;
    const windows: OpenWindow[] = [];
    const last = Math.floor((time - offsetMs) / everyMs) * everyMs + offsetMs;
    for (let start = last; start > time - sizeMs; start -= everyMs) {
      if (byClock || !this.#isGone(start + sizeMs)) {
        windows.unshift(this.#open(key, start, start + sizeMs));
      }
    }
    return windows;
  }

  #session(key: string, time: number, gapMs: number): OpenWindow[] {
    const touched = this.#windows.filter(
      (one) => one.key === key && time <= one.end! && time + gapMs >= one.start!,
    );
    const start = Math.min(time, ...touched.map((one) => one.start!));
    const end = Math.max(time + gapMs, ...touched.map((one) => one.end!));
    if (this.#isGone(end)) return [];
    this.#windows = this.#windows.filter((one) => !touched.includes(one));
    const held = touched.sort((a, b) => a.start! - b.start!).flatMap((one) => one.held);
    const count = touched.reduce((sum, one) => sum + one.count, 0);
    const merged = { key, start, end, held, count };
    this.#windows.push(merged);
    return [merged];
  }

  #isGone(end: number): boolean {
    return end - 1 + this.#spec.allowedLatenessMs <= this.#watermark;
  }

  #open(key: string, start: number | undefined, end: number | undefined): OpenWindow {
    const found = this.#windows.find((one) => one.key === key && one.start === start);
    if (found !== undefined) return found;
    const made = { key, start, end, held: [], count: 0 };
    this.#windows.push(made);
    return made;
  }

  #afterRecord(open: OpenWindow): void {
    const { window, trigger } = this.#spec;
    if (window.kind === 'count') {
      if (open.count < window.every) return;
      if (window.every === window.size) {
        this.#emit(open);
        open.held = [];
      } else {
        this.#emit({ ...open, held: open.held.slice(-window.size) });
      }
      open.count = 0;
      return;
    }
    const hasEnded = open.end !== undefined && open.end - 1 <= this.#watermark;
    const isFull = trigger?.count !== undefined && open.count >= trigger.count;
    if (hasEnded || isFull) this.#fire(open);
  }

  #advance(timeMs: number): void {
    const before = this.#watermark;
    this.#watermark = timeMs;
    const due = this.#windows
      .filter(({ end }) => end !== undefined && end - 1 > before && end - 1 <= timeMs)
      .sort((a, b) => a.end! - b.end!);
    for (const open of due) this.#fire(open);
    this.#windows = this.#windows.filter(({ end }) => end === undefined || !this.#isGone(end));
  }

  #fireAll(): void {
    for (const open of this.#windows) {
      if (open.end === undefined || open.end - 1 > this.#watermark) this.#fire(open);
    }
  }

  #fire(open: OpenWindow): void {
    if (open.held.length > 0) this.#emit(open);
    open.count = 0;
    if (this.#spec.trigger?.purge) open.held = [];
  }

  #emit({ key, start, end, held }: OpenWindow): void {
    this.#out.push({ key, start, end, values: this.#inOrder(held).map(({ value }) => value) });
  }

  /** Sliding windows share panes: records come pane by pane. */
  #inOrder(held: readonly Held[]): readonly Held[] {
    const { window, trigger } = this.#spec;
    if (window.kind !== 'aligned' || window.everyMs === window.sizeMs) return held;
    if (trigger !== undefined || window.time === 'processing') return held;
    const paneMs = commonDivisor(window.sizeMs, window.everyMs);
    const pane = ({ time }: Held) => Math.floor((time - window.offsetMs) / paneMs);
    return [...held].sort((a, b) => pane(a) - pane(b));
  }
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
