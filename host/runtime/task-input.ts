import type { Element } from '../model/element.ts';
import type { InFlightLog } from './in-flight.ts';

/** Where a task's elements come from: a source, or the channels from the tasks upstream. */
export interface TaskInput {
  /** The next element, or undefined when there is none now. The rows of a batch are the task's until the next call. */
  next(nowMs: number): Element | undefined;
  /** The input of the edge (`Edge.input`) that the last batch came over. */
  readonly input: number;
  /** Looks for barriers that have overtaken what is before the task: the latest checkpoint of which one has come; 0 = none. */
  lookAhead(): number;
  /** The task fixes its state for `checkpoint` now, ahead of what is before it: takes that down from here on. */
  beginOvertaking(checkpoint: number): InFlightLog;
}
