import { WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { WindowedSpec, WindowShape } from '../../window-spec.ts';
import { type KeyWindow, type KeyWindows, sealed } from './key-windows.ts';
import type { Node, NodeStates } from './node-states.ts';
import { UNBOUNDED_END, UNBOUNDED_START } from './window-times.ts';

/** A result that is due: of a window, made of a node. */
export interface DueResult {
  readonly startMs: number;
  readonly endMs: number;
  readonly node: Node;
}

type Count = Extract<WindowShape, { readonly kind: 'count' }>;

/**
 * Puts the records of a key into its windows and says what is due: Flink's window operator, record by record, on nodes. A window that has
 * fired goes on with a new node, so that a result is made of what was there when it was due.
 */
export class WindowAssigner {
  readonly #spec: WindowedSpec;
  readonly #nodes: NodeStates;
  watermarkMs = WATERMARK_MIN_MS;
  due: DueResult[] = [];

  constructor(spec: WindowedSpec, nodes: NodeStates) {
    this.#spec = spec;
    this.#nodes = nodes;
  }

  /**
   * The record at `timeMs` (NaN = none) belongs to `key`; `add` is called with each node that it is to be folded into. False = it is
   * late: nothing has happened.
   */
  take(key: KeyWindows, timeMs: number, add: (node: Node) => void): boolean {
    const { window } = this.#spec;
    switch (window.kind) {
      case 'count':
        this.#takeCounted(key, window, add);
        return true;
      case 'global': {
        const one = key.windows[0] ?? this.#open(key, UNBOUNDED_START, UNBOUNDED_END);
        this.#takeInto(key, one, add);
        return true;
      }
      case 'session':
        return !Number.isNaN(timeMs) && this.#takeSession(key, timeMs, window.gapMs, add);
      case 'aligned':
        return !Number.isNaN(timeMs) && this.#takeAligned(key, timeMs, window, add);
      default:
        return window satisfies never;
    }
  }

  /** The watermark has risen from `beforeMs`: fires windows that have ended since, and forgets those that are gone. */
  advance(key: KeyWindows, beforeMs: number): void {
    const ended = key.windows
      .filter(({ endMs }) => endMs - 1 > beforeMs && endMs - 1 <= this.watermarkMs)
      .sort((a, b) => a.endMs - b.endMs);
    for (const window of ended) this.#fire(key, window);
    key.windows = key.windows.filter(({ endMs }) => !this.#isGone(endMs));
  }

  /** Fires every window that has not ended. */
  fireAll(key: KeyWindows): void {
    for (const window of [...key.windows]) {
      if (window.endMs - 1 > this.watermarkMs) this.#fire(key, window);
    }
  }

  /** When the key wants to be looked at again: a window ends, or is gone. */
  nextMs(key: KeyWindows): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { endMs } of key.windows) {
      const hasEnded = endMs - 1 <= this.watermarkMs;
      next = Math.min(next, endMs - 1 + (hasEnded ? this.#spec.allowedLatenessMs : 0));
    }
    return next;
  }

  #takeAligned(
    key: KeyWindows,
    timeMs: number,
    window: Extract<WindowShape, { readonly kind: 'aligned' }>,
    add: (node: Node) => void,
  ): boolean {
    const { sizeMs, everyMs, offsetMs } = window;
    const last = Math.floor((timeMs - offsetMs) / everyMs) * everyMs + offsetMs;
    let isTaken = false;
    let startMs = last - Math.floor((sizeMs - 1 - (timeMs - last)) / everyMs) * everyMs;
    for (; startMs <= last; startMs += everyMs) {
      if (this.#isGone(startMs + sizeMs)) continue;
      const found = key.windows.find((one) => one.startMs === startMs);
      this.#takeInto(key, found ?? this.#open(key, startMs, startMs + sizeMs), add);
      isTaken = true;
    }
    return isTaken;
  }

  /** Sessions that touch the record become one with it. */
  #takeSession(key: KeyWindows, timeMs: number, gapMs: number, add: (node: Node) => void): boolean {
    const touched = key.windows
      .filter((one) => timeMs <= one.endMs && timeMs + gapMs >= one.startMs)
      .sort((a, b) => a.startMs - b.startMs);
    const [first, ...others] = touched;
    const endMs = touched.reduce((end, one) => Math.max(end, one.endMs), timeMs + gapMs);
    if (this.#isGone(endMs)) return false;
    const session = first ?? this.#open(key, timeMs, endMs);
    for (const other of others) {
      const older = sealed(session, this.#nodes);
      const newer = sealed(other, this.#nodes);
      session.closed =
        older === undefined || newer === undefined
          ? (older ?? newer)
          : this.#nodes.merged(older, newer);
      session.count += other.count;
    }
    if (others.length > 0) key.windows = key.windows.filter((one) => !others.includes(one));
    session.startMs = Math.min(session.startMs, timeMs);
    session.endMs = endMs;
    this.#takeInto(key, session, add);
    return true;
  }

  #takeInto(key: KeyWindows, window: KeyWindow, add: (node: Node) => void): void {
    window.open ??= this.#nodes.fresh();
    add(window.open);
    window.count += 1;
    const { trigger } = this.#spec;
    const hasEnded = window.endMs - 1 <= this.watermarkMs;
    const isFull = trigger?.count !== undefined && window.count >= trigger.count;
    if (hasEnded || isFull) this.#fire(key, window);
  }

  /** Windows of a count share panes, the key's windows: each has `paneSize` records, the last one perhaps fewer. */
  #takeCounted(key: KeyWindows, { size, every }: Count, add: (node: Node) => void): void {
    const paneSize = greatestCommonDivisor(size, every);
    const last = key.windows.at(-1);
    const pane =
      last !== undefined && last.count < paneSize
        ? last
        : this.#open(key, UNBOUNDED_START, UNBOUNDED_END);
    pane.open ??= this.#nodes.fresh();
    add(pane.open);
    pane.count += 1;
    key.records += 1;
    if (key.records % every !== 0) return;
    const held = key.windows.slice(-size / paneSize);
    const node = held
      .flatMap((one) => sealed(one, this.#nodes) ?? [])
      .reduce((a, b) => this.#nodes.merged(a, b));
    this.due.push({ startMs: UNBOUNDED_START, endMs: UNBOUNDED_END, node });
    const kept = (size - every) / paneSize;
    key.windows = kept === 0 ? [] : key.windows.slice(-kept);
    // What has been counted stands in the panes that are left.
    if (key.windows.length === 0) key.records = 0;
  }

  #fire(key: KeyWindows, window: KeyWindow): void {
    const { startMs, endMs } = window;
    const node = sealed(window, this.#nodes);
    if (node !== undefined) this.due.push({ startMs, endMs, node });
    window.count = 0;
    if (this.#spec.trigger?.purge !== true) return;
    window.closed = undefined;
    // A session goes on from where it was; other windows are found by their start.
    if (this.#spec.window.kind === 'session') return;
    key.windows = key.windows.filter((one) => one !== window);
  }

  #open(key: KeyWindows, startMs: number, endMs: number): KeyWindow {
    const window = { startMs, endMs, count: 0, closed: undefined, open: undefined };
    key.windows.push(window);
    return window;
  }

  #isGone(endMs: number): boolean {
    return endMs - 1 + this.#spec.allowedLatenessMs <= this.watermarkMs;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
