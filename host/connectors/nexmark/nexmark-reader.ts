import type { BatchBuilder } from '../../abi/batch-builder.ts';
import type { Clock } from '../../clock.ts';
import type { PollResult, SourceContext, SourceReader, Split } from '../source.ts';
import { EventWriter } from './event-writer.ts';
import type { NexmarkOptions } from './nexmark-options.ts';
import { readNexmarkSplit } from './nexmark-split.ts';

/** Events of one generator before the next one gets its turn. */
const EVENTS_PER_TURN = 256;

/** A generator as it is being read. */
interface Generator {
  readonly writer: EventWriter;
  /** Events in all. */
  readonly events: number;
  /** Events so far, whether they were wanted or not: the position. */
  position: number;
  /** When the event at which this reader began was due, in milliseconds after the base time. */
  readonly openedAtMs: number;
}

/**
 * Writes events straight into the batch.
 *
 * N1  A split's position is the number of its next event; the rows behind a position are the same whoever writes them.
 * N2  When paced, an event comes no sooner after the reader was opened than it is behind the first one in event time.
 */
export class NexmarkReader implements SourceReader {
  readonly #splits: readonly Split[];
  readonly #generators: readonly Generator[];
  readonly #context: SourceContext;
  readonly #paced: boolean;
  readonly #clock: Clock;
  readonly #openedMs: number;
  #turn = 0;
  #cancelWake: (() => void) | undefined;

  constructor(
    splits: readonly Split[],
    context: SourceContext,
    options: NexmarkOptions,
    clock: Clock,
  ) {
    this.#splits = splits;
    this.#context = context;
    this.#paced = options.paced;
    this.#clock = clock;
    this.#openedMs = clock.monotonicMs();
    this.#generators = splits.map((split, i) => {
      // They are read side by side.
      context.progress?.opened(i);
      const { firstEventId, events, baseTimeMs } = readNexmarkSplit(split);
      const writer = new EventWriter(options, firstEventId, baseTimeMs);
      const position = Number(split.position ?? 0);
      return { writer, events, position, openedAtMs: writer.dueMs(position) };
    });
  }

  poll(out: BatchBuilder, bytesMax: number): PollResult {
    const stopAt = out.length + bytesMax;
    const elapsedMs = this.#clock.monotonicMs() - this.#openedMs;
    const generators = this.#generators;
    for (let idle = 0; idle < generators.length; ) {
      if (out.length >= stopAt) return 'more';
      const turn = this.#turn;
      const generator = generators[turn];
      this.#turn = (this.#turn + 1) % generators.length;
      const before = generator.position;
      this.#context.progress?.rows(turn, out.length);
      this.#writeTurn(generator, out, { stopAt, elapsedMs });
      idle = generator.position === before ? idle + 1 : 0;
      if (generator.position === generator.events) this.#context.progress?.ended(turn);
    }
    return this.#rest(elapsedMs);
  }

  snapshot(): readonly Split[] {
    return this.#splits.map((split, i) => ({ ...split, position: this.#generators[i].position }));
  }

  async close(): Promise<void> {
    this.#cancelWake?.();
  }

  #writeTurn(generator: Generator, out: BatchBuilder, { stopAt, elapsedMs }: Bounds): void {
    const { writer } = generator;
    const end = Math.min(generator.events, generator.position + EVENTS_PER_TURN);
    let { position } = generator;
    if (this.#paced) {
      while (position < end && out.length < stopAt) {
        if (writer.dueMs(position) - generator.openedAtMs > elapsedMs) break;
        writer.write(out, position++);
      }
    } else {
      while (position < end && out.length < stopAt) writer.write(out, position++);
    }
    generator.position = position;
  }

  /** Nothing can be written: at the end, or until the next event is due. */
  #rest(elapsedMs: number): PollResult {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { writer, events, position, openedAtMs } of this.#generators) {
      if (position < events) dueMs = Math.min(dueMs, writer.dueMs(position) - openedAtMs);
    }
    if (dueMs === Number.POSITIVE_INFINITY) return 'end';
    this.#cancelWake?.();
    const delayMs = Math.max(1, Math.ceil(dueMs - elapsedMs));
    this.#cancelWake = this.#clock.after(delayMs, () => this.#context.wake());
    return 'idle';
  }
}

interface Bounds {
  readonly stopAt: number;
  readonly elapsedMs: number;
}
