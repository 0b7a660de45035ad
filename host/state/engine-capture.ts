import assert from 'node:assert';
import { CaptureParts } from './capture-parts.ts';
import { type EngineExports, OUT_ROWS } from './engine/load-engine.ts';
import type { CapturedState, StateCapture } from './state-table.ts';

/** Words of a run: group, bytes, entries. */
const RUN_WORDS = 3;

export interface EngineCaptureOptions {
  readonly engine: EngineExports;
  readonly changes: boolean;
  /** The error for a negative status. */
  readonly failure: (status: number) => Error;
  readonly onEnd: () => void;
}

/** A capture of the state engine: each piece is copied out of its memory once. */
export class EngineCapture implements StateCapture {
  readonly #options: EngineCaptureOptions;
  readonly #parts = new CaptureParts();
  #state: 'running' | 'ended' = 'running';

  constructor(options: EngineCaptureOptions) {
    this.#options = options;
  }

  get changes(): boolean {
    return this.#options.changes;
  }

  proceed(bytesMax: number): CapturedState | undefined {
    const { engine, changes, failure } = this.#options;
    assert(this.#state === 'running', 'a capture is asked for more after its end');
    for (let copied = 0; copied < Math.max(bytesMax, 1); ) {
      const bytes = engine.continueCapture();
      if (bytes <= 0) this.#end();
      if (bytes < 0) throw failure(bytes);
      if (bytes === 0) return this.#parts.finish(changes);
      this.#take(bytes);
      copied += bytes;
    }
    return undefined;
  }

  cancel(): void {
    if (this.#state === 'ended') return;
    this.#options.engine.cancelCapture();
    this.#end();
  }

  #take(bytes: number): void {
    const { engine } = this.#options;
    const from = engine.exchangeAt(0) >>> 0;
    const { buffer } = engine.memory;
    const memory = new Uint8Array(buffer);
    const words = new Uint32Array(buffer);
    const count = words[(engine.resultsAt() >>> 2) + OUT_ROWS];
    let run = engine.runsAt() >>> 2;
    let at = from;
    for (let i = 0; i < count; i++, run += RUN_WORDS) {
      const end = at + words[run + 1];
      this.#parts.add(words[run], memory.subarray(at, end), words[run + 2]);
      at = end;
    }
    assert(at === from + bytes, 'a piece of a capture has other bytes than its runs');
  }

  #end(): void {
    this.#state = 'ended';
    this.#options.onEnd();
  }
}
