/** The windows that the results of one call belong to, by the ordinal in the tag of each. */
export interface WindowTimes {
  startOf(ordinal: number): number;
  endOf(ordinal: number): number;
}

/** Results of one window. */
export class SingleWindow implements WindowTimes {
  startMs = 0;
  endMs = 0;

  startOf(): number {
    return this.startMs;
  }

  endOf(): number {
    return this.endMs;
  }
}

/** A window that has no bounds, as that of a count. */
export const UNBOUNDED_START = Number.NEGATIVE_INFINITY;
export const UNBOUNDED_END = Number.POSITIVE_INFINITY;
