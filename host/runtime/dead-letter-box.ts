import { DEAD_LETTER_BYTES_MAX } from '../limits.ts';
import type { DeadLetterEntry } from './task-capture.ts';

/** About what an entry takes beside its row or excerpt. */
const ENTRY_BYTES = 256;

/**
 * A task's dead letters that no completed checkpoint holds yet. Each capture hands out all of them, so that a
 * checkpoint that is given up loses none.
 */
export class DeadLetterBox {
  #letters: DeadLetterEntry[] = [];
  #bytes = 0;
  /** Checkpoint → how many letters its capture handed out. */
  readonly #captured = new Map<number, number>();

  /** So many wait that a checkpoint should come soon. */
  get crowded(): boolean {
    return this.#bytes > DEAD_LETTER_BYTES_MAX;
  }

  add(letter: DeadLetterEntry): void {
    this.#letters.push(letter);
    this.#bytes += sizeOf(letter);
  }

  capture(checkpoint: number): readonly DeadLetterEntry[] {
    this.#captured.set(checkpoint, this.#letters.length);
    return [...this.#letters];
  }

  /** The letters of `checkpoint` are durable. */
  settle(checkpoint: number): void {
    const durable = this.#captured.get(checkpoint) ?? 0;
    const later = [...this.#captured].filter(([number]) => number > checkpoint);
    this.#captured.clear();
    for (const [number, count] of later) this.#captured.set(number, count - durable);
    this.#letters = this.#letters.slice(durable);
    this.#bytes = this.#letters.reduce((sum, letter) => sum + sizeOf(letter), 0);
  }
}

function sizeOf(letter: DeadLetterEntry): number {
  return ENTRY_BYTES + (letter.kind === 'record' ? letter.row.length : letter.excerpt.length);
}
