import type { KeySpec } from '../model/key-spec.ts';
import type { ProcessDescription } from '../model/process-description.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { GuestLimits } from '../sandbox/guest.ts';
import type { ErrorPolicy, FunctionRef } from './plan.ts';

/**
 * A function with named states, timers and side outputs, called for records and timers of a key. `coProcess` has two keyed inputs,
 * `broadcastProcess` a keyed one and one whose records reach every task.
 */
export interface ProcessSpec {
  readonly kind: 'process';
  readonly id: string;
  readonly function: FunctionRef;
  /** Of the first input. */
  readonly input: RecordSchema;
  readonly output: RecordSchema;
  readonly process: ProcessDescription;
  /** The record of a key's value, list and reducing states; undefined = there are none. */
  readonly state: RecordSchema | undefined;
  readonly key: KeySpec;
  /** Key of the second input of a `coProcess`: as many fields of the same types. */
  readonly secondKey: KeySpec | undefined;
  /** Time to live of states that have none of their own, ms. */
  readonly ttlMs: number | undefined;
  readonly onError: ErrorPolicy;
  readonly limits: GuestLimits;
}
