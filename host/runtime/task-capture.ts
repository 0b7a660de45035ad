import type { Split } from '../connectors/source.ts';
import type { DeadLetter } from '../dataflow/operator.ts';
import type { MillraceError } from '../errors.ts';
import type { Json } from '../model/json.ts';
import type { CapturedState } from '../state/state-table.ts';
import type { InFlightBatch } from './in-flight.ts';

/** What a task took down at a barrier. Bytes and promises: making it durable comes after, while the task goes on. */
export interface TaskCapture {
  readonly checkpoint: number;
  readonly splits: { readonly operator: string; readonly splits: readonly Split[] } | undefined;
  readonly snapshots: readonly { readonly operator: string; readonly snapshot: CapturedSnapshot }[];
  /** What an unaligned barrier has overtaken, in order for each channel. */
  readonly inFlight: readonly InFlightBatch[];
  readonly transaction: { readonly operator: string; readonly ready: Promise<Json> } | undefined;
  readonly watermarkMs: number;
  /** The task has sent its end: it will do nothing more. */
  readonly finished: boolean;
  /** How long the task stood still. */
  readonly pauseMs: number;
  /** Since the last barrier. */
  readonly deadLetters: readonly DeadLetterEntry[];
}

/** An operator's snapshot, all of it copied. */
export interface CapturedSnapshot {
  readonly keyed: { readonly [state: string]: CapturedState };
  readonly values: Json;
}

/** A line of dead letters, before it is written. */
export type DeadLetterEntry =
  | ({ readonly kind: 'record' } & DeadLetter)
  | {
      readonly kind: 'malformed';
      readonly source: string;
      readonly split: string;
      readonly offset: number;
      readonly reason: string;
      readonly excerpt: string;
    };

/** What a task tells its worker. */
export interface TaskReport {
  captured(capture: TaskCapture): void;
  /** What it took down could not be copied. */
  uncaptured(checkpoint: number, error: MillraceError): void;
  swapped(step: string, update: number, pauseMs: number): void;
  finished(): void;
}
