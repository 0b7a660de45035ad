/** What a join should put out, from its definition: all rows that came are kept, all pairs are looked through each time. */
import { type JoinSpec, keepsUnmatched } from '../../../host/dataflow/join-spec.ts';
import type { JoinRow } from '../../kit/join-bench.ts';

export interface Seen extends JoinRow {
  readonly side: 0 | 1;
  /** The watermark when it came. */
  readonly watermarkMs: number;
  matched: boolean;
  /** It has left alone, or, of semi and anti, it is no left row to be decided about any more. */
  said: boolean;
}

export interface Said {
  readonly side: string;
  readonly left?: number | undefined;
  readonly right?: number | undefined;
  readonly time: number | undefined;
}

const NEVER = Number.POSITIVE_INFINITY;

/** The rules by which an oracle for interval and regular joins goes. */
export interface JoinRules {
  readonly isLate: (row: JoinRow, watermarkMs: number) => boolean;
  /** Whether two rows of the same key are partners; `first` came first, `watermarkMs` is that of when the second came. */
  readonly arePartners: (first: Seen, second: Seen, watermarkMs: number) => boolean;
  /** When it is certain that a row gets no partner any more. */
  readonly certain: (row: Seen) => number;
}

export function rulesOf({ how }: JoinSpec): JoinRules {
  if (how.kind === 'interval') {
    const distance = (a: Seen, b: Seen) => (a.side === 0 ? b.time! - a.time! : a.time! - b.time!);
    return {
      isLate: (row, watermarkMs) => row.time === undefined || row.time <= watermarkMs,
      arePartners: (a, b) => distance(a, b) >= how.lowerMs && distance(a, b) <= how.upperMs,
      certain: ({ side, time }) => time! + (side === 0 ? how.upperMs : -how.lowerMs),
    };
  }
  const ttlMs = (how.kind === 'regular' ? how.ttlMs : undefined) ?? NEVER;
  const kept = ({ time }: Seen) => (time === undefined ? NEVER : time + ttlMs);
  return {
    isLate: () => false,
    arePartners: (first, _second, watermarkMs) => kept(first) > watermarkMs,
    certain: kept,
  };
}

export class JoinOracle {
  readonly #spec: JoinSpec;
  readonly #rules: JoinRules;
  readonly #seen: Seen[] = [];
  #watermarkMs = Number.NEGATIVE_INFINITY;

  constructor(spec: JoinSpec) {
    this.#spec = spec;
    this.#rules = rulesOf(spec);
  }

  rows(side: 0 | 1, rows: readonly JoinRow[]): Said[] {
    return rows.flatMap((row) => this.#row({ ...row, side, ...this.#fresh() }));
  }

  watermark(timeMs: number): Said[] {
    this.#watermarkMs = timeMs;
    return this.#seen.flatMap((row) => {
      const certain = this.#rules.certain(row);
      return certain <= timeMs ? this.#alone(row, certain) : [];
    });
  }

  end(): Said[] {
    return this.#seen.flatMap((row) => {
      const certain = this.#rules.certain(row);
      if (certain !== NEVER) return this.#alone(row, certain);
      const after = Number.isFinite(this.#watermarkMs) ? this.#watermarkMs + 1 : row.time!;
      return this.#alone(row, after);
    });
  }

  #fresh() {
    return { watermarkMs: this.#watermarkMs, matched: false, said: false };
  }

  #row(row: Seen): Said[] {
    const { key, side, id, time } = row;
    if (this.#rules.isLate(row, this.#watermarkMs)) {
      return [
        { side: side === 0 ? 'lateLeft' : 'lateRight', [side === 0 ? 'left' : 'right']: id, time },
      ];
    }
    const partners = this.#seen.filter(
      (one) =>
        one.key === key &&
        one.side !== side &&
        this.#rules.arePartners(one, row, this.#watermarkMs),
    );
    this.#seen.push(row);
    const said = partners.flatMap((partner) => this.#pair(partner, row));
    const certain = this.#rules.certain(row);
    if (certain <= this.#watermarkMs) said.push(...this.#alone(row, this.#watermarkMs + 1));
    return said;
  }

  #pair(first: Seen, second: Seen): Said[] {
    const [left, right] = first.side === 0 ? [first, second] : [second, first];
    const { type } = this.#spec;
    const time = later(left.time, right.time);
    if (type === 'semi' || type === 'anti') {
      if (left.said) return [];
      left.said = true;
      return type === 'semi' ? [{ side: '', left: left.id, time }] : [];
    }
    left.matched = true;
    right.matched = true;
    return [{ side: '', left: left.id, right: right.id, time }];
  }

  #alone(row: Seen, certain: number): Said[] {
    if (row.matched || row.said) return [];
    row.said = true;
    if (!keepsUnmatched(this.#spec.type, row.side)) return [];
    const time = row.time === undefined ? undefined : Math.max(row.time, certain);
    return [{ side: '', [row.side === 0 ? 'left' : 'right']: row.id, time }];
  }
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
