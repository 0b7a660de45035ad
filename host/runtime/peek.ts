/** What can be looked at in a running job from outside. Nothing of it changes the job, or makes it wait. */
export type PeekRequest =
  /** The state row of one key of a step with a key, if it has one. */
  | {
      readonly kind: 'state';
      readonly step: string;
      /** As in `KeySpec`, base64. */
      readonly key: string;
      readonly hash: number;
    }
  /** Some of the rows that a step puts out about now; none, when it puts out none for a while. */
  | { readonly kind: 'tap'; readonly step: string; readonly rows: number };

/** Rows that were found, one after the other, base64. */
export interface PeekedRows {
  readonly rows: string;
  readonly count: number;
}

/** Whether something that came over a socket is a request. */
export function isPeekRequest(value: unknown): value is PeekRequest {
  const { kind, step, key, hash, rows } = (value ?? {}) as { readonly [key: string]: unknown };
  if (typeof step !== 'string') return false;
  if (kind === 'tap') return Number.isSafeInteger(rows) && Number(rows) > 0;
  return kind === 'state' && typeof key === 'string' && Number.isSafeInteger(hash);
}
