import type { RowObject } from '../abi/row-object.ts';
import type { Batch } from '../model/batch.ts';
import type { KeySpec } from '../model/key-spec.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { Outbound } from './outbound.ts';

/** A table outside of the job whose rows can be looked up, its options checked. */
export interface Lookup {
  /** Once per task. Connects when it is first asked, so that a table that is down is a matter of the requests. */
  open(context: LookupContext): LookupTable;
}

export interface LookupContext {
  /** The step. */
  readonly id: string;
  /** Rows of the table. */
  readonly schema: RecordSchema;
  /** Fields of `schema` that a row is looked up by. */
  readonly key: KeySpec;
  /** Which addresses it may reach. */
  readonly outbound?: Outbound;
}

/** The table in one task. Calls may overlap. */
export interface LookupTable {
  /** Keys that one call takes. */
  readonly keysMax: number;
  /**
   * The rows of each key, in the order of `keys`; none where there is none. A key is an object with the key's fields. Rejects with a
   * `record`-scoped error when the table has answered, but not with rows of the schema, and with anything else when there is no answer:
   * then it is asked again. Gives up when `signal` aborts.
   */
  lookup(keys: readonly RowObject[], signal: AbortSignal): Promise<readonly Batch[]>;
  /** Ends what is running. */
  close(): Promise<void>;
}
