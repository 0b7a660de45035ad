import type { WindowShape } from '../../window-spec.ts';

type Aligned = Extract<WindowShape, { readonly kind: 'aligned' }>;

/**
 * Windows that start at fixed times, and the panes that they share: a pane is `paneMs` long, as long as can be with every window made of
 * whole panes. Panes and windows are named by their end. Times are whole milliseconds.
 */
export interface WindowBounds {
  readonly sizeMs: number;
  readonly everyMs: number;
  readonly paneMs: number;
  /** End of the pane that holds a time. */
  paneOf(timeMs: number): number;
  /** End of the first and of the last window that the pane is part of. */
  firstWindow(paneEnd: number): number;
  lastWindow(paneEnd: number): number;
  /** The latest time not after `timeMs` that is a whole number of window sizes from the offset. */
  epochOf(timeMs: number): number;
}

export function windowBounds({ sizeMs, everyMs, offsetMs }: Aligned): WindowBounds {
  const paneMs = greatestCommonDivisor(sizeMs, everyMs);
  const floor = (timeMs: number, stepMs: number) =>
    Math.floor((timeMs - offsetMs) / stepMs) * stepMs + offsetMs;
  return {
    sizeMs,
    everyMs,
    paneMs,
    paneOf: (timeMs) => floor(timeMs, paneMs) + paneMs,
    // Windows end `sizeMs` after a start; the first one that ends at or after the pane's end.
    firstWindow: (paneEnd) => floor(paneEnd - sizeMs - 1, everyMs) + everyMs + sizeMs,
    lastWindow: (paneEnd) => floor(paneEnd - paneMs, everyMs) + sizeMs,
    epochOf: (timeMs) => floor(timeMs, sizeMs),
  };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
