import type { Element } from '../model/element.ts';

/** Where a task's elements come from: a source, or the channels from the tasks upstream. */
export interface TaskInput {
  /** The next element, or undefined when there is none now. The rows of a batch are the task's until the next call. */
  next(nowMs: number): Element | undefined;
  /** The input of the edge (`Edge.input`) that the last batch came over. */
  readonly input: number;
}
