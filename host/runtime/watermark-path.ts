import type { AsyncOperator, Operator, Output } from '../dataflow/operator.ts';
import { WATERMARK_MIN_MS } from '../model/element.ts';
import type { TaskOutput } from './task-output.ts';

/**
 * How watermarks go through the steps of a task and out of it: at once, or, when the first step waits for something outside, when what
 * came before them has left it.
 */
export class WatermarkPath {
  readonly #operators: readonly Operator[];
  readonly #links: readonly Output[];
  readonly #output: TaskOutput;
  readonly #async: AsyncOperator | undefined;
  #passedMs = WATERMARK_MIN_MS;

  /** `links[i]` is where operator i hands its output. */
  constructor(operators: readonly Operator[], links: readonly Output[], output: TaskOutput) {
    const [first] = operators;
    this.#operators = operators;
    this.#links = links;
    this.#output = output;
    this.#async = first !== undefined && 'passedMs' in first ? (first as AsyncOperator) : undefined;
  }

  /** The first step takes no rows now. */
  get full(): boolean {
    return this.#async?.full === true;
  }

  /** Something has come and not left the first step. */
  get busy(): boolean {
    return this.#async?.busy === true;
  }

  /** A watermark has come. `spent`: the steps have said their last. */
  advance(timeMs: number, spent: boolean): void {
    if (spent || this.#async === undefined) {
      if (!spent) this.#handOn(0, timeMs);
      this.#output.mark({ kind: 'watermark', timeMs });
      return;
    }
    this.#async.onWatermark(timeMs, this.#links[0]);
    this.pass();
  }

  /** Rows have left the first step: perhaps a watermark goes on. */
  pass(): void {
    const passedMs = this.#async?.passedMs ?? WATERMARK_MIN_MS;
    if (passedMs <= this.#passedMs) return;
    this.#passedMs = passedMs;
    this.#handOn(1, passedMs);
    this.#output.mark({ kind: 'watermark', timeMs: passedMs });
  }

  /** The input has ended: the steps say their last. */
  end(): void {
    for (const [i, operator] of this.#operators.entries()) operator.onEnd(this.#links[i]);
  }

  #handOn(from: number, timeMs: number): void {
    for (let i = from; i < this.#operators.length; i += 1) {
      this.#operators[i].onWatermark(timeMs, this.#links[i]);
    }
  }
}
