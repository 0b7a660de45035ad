import type { OperatorCounters, SwappableOperator } from '../dataflow/operator.ts';
import type { SourceInput } from './source-input.ts';

/** The source that a task begins with. */
export interface TaskSource {
  readonly input: SourceInput;
  readonly counters: OperatorCounters;
  /** The step inside of it that says event times, where a function does. */
  readonly assigner: SwappableOperator | undefined;
}
