import type { Clock } from '../clock.ts';
import type { Operator, Output, TimedOperator } from '../dataflow/operator.ts';

interface TimedStep {
  readonly operator: TimedOperator;
  readonly output: Output;
}

/** The steps of a task that do something at wall-clock times. */
export class TimedSteps {
  readonly #steps: readonly TimedStep[];
  readonly #clock: Clock;

  /** `outputs[i]` is where operator i hands its output. */
  constructor(operators: readonly Operator[], outputs: readonly Output[], clock: Clock) {
    this.#clock = clock;
    this.#steps = operators.flatMap((operator, i) =>
      'onTime' in operator ? [{ operator: operator as TimedOperator, output: outputs[i] }] : [],
    );
  }

  /** Wall-clock time at which the first of them has something to do; undefined = none. */
  get dueMs(): number | undefined {
    let dueMs: number | undefined;
    for (const { operator } of this.#steps) {
      if (operator.dueMs !== undefined) dueMs = Math.min(dueMs ?? operator.dueMs, operator.dueMs);
    }
    return dueMs;
  }

  /** Lets those whose time has come do their work; false = none had any. */
  run(): boolean {
    if (this.#steps.length === 0) return false;
    const { dueMs } = this;
    const nowMs = this.#clock.nowMs();
    if (dueMs === undefined || dueMs > nowMs) return false;
    for (const { operator, output } of this.#steps) {
      if (operator.dueMs !== undefined && operator.dueMs <= nowMs) operator.onTime(nowMs, output);
    }
    return true;
  }
}
