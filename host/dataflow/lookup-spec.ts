import type { ConnectorOptions } from '../connectors/connector.ts';
import type { KeySpec } from '../model/key-spec.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { GuestLimits } from '../sandbox/guest.ts';
import type { JoinType } from './join-spec.ts';
import type { ErrorPolicy, FunctionRef } from './plan.ts';

/** A join whose right side is a table outside of the job, asked for each left row. */
export interface LookupSpec {
  readonly kind: 'lookup';
  readonly id: string;
  readonly type: Extract<JoinType, 'inner' | 'left'>;
  readonly connector: string;
  readonly options: ConnectorOptions;
  /** The left record. */
  readonly input: RecordSchema;
  /** The record of the table. */
  readonly right: RecordSchema;
  readonly output: RecordSchema;
  /** Fields of the left record, and those of the table's that they must equal, in the same order. */
  readonly key: KeySpec;
  readonly rightKey: KeySpec;
  readonly requests: LookupRequestsSpec;
  readonly function: FunctionRef;
  readonly onError: ErrorPolicy;
  readonly limits: GuestLimits;
}

export interface LookupRequestsSpec {
  /** Results leave in the order of the rows; else each as it comes, but none overtakes a watermark. */
  readonly ordered: boolean;
  /** Rows that may be under way in one task. */
  readonly capacity: number;
  readonly timeoutMs: number;
  /** Requests that get no answer are repeated so often; undefined = until there is one. */
  readonly retries: number | undefined;
  /** Before the first repetition; each further pause is twice as long, up to a bound. */
  readonly backoffMs: number;
  readonly cache: { readonly entries: number; readonly ttlMs: number } | undefined;
}
