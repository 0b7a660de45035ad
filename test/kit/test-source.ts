import type { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { encodeObject } from '../../host/abi/row-object.ts';
import type { Connector } from '../../host/connectors/connector.ts';
import type {
  PollResult,
  Source,
  SourceContext,
  SourceReader,
  Split,
} from '../../host/connectors/source.ts';
import { MillraceError } from '../../host/errors.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { waitList } from './wait-list.ts';

/** Fails the task with `TASK_FAILED`, the first time a reader gets here; later readers pass over it. */
export const ABORT = Symbol('ABORT');
/** Answers `idle` until `TestSource.resume()`, the first time a reader gets here. */
export const PAUSE = Symbol('PAUSE');
/** Ends the input here; a reader that starts behind it reads what follows. */
export const EOF = Symbol('EOF');

/** A record by field, or something that happens between two records. */
export type TestInput =
  | { readonly [field: string]: unknown }
  | typeof ABORT
  | typeof PAUSE
  | typeof EOF;

export interface TestSourceOptions {
  /** One list per split. */
  readonly splits: readonly (readonly TestInput[])[];
  readonly schema: RecordSchema;
  /** Connector name, `test` unless a pipeline has several. */
  readonly name?: string;
  /** Most records one poll hands over; unlimited unless given. */
  readonly recordsPerPoll?: number;
}

/** A source of given records, with failures among them. It outlives the attempts of a job; what happened once does not happen again. */
export interface TestSource {
  readonly source: Source;
  readonly connector: Connector;
  /** ABORT items met so far. */
  readonly aborts: number;
  /** Readers that were opened so far. */
  readonly opens: number;
  /** Resolves when `count` PAUSE items have been met since the beginning. */
  paused(count?: number): Promise<void>;
  /** Ends every pause that is on. */
  resume(): void;
}

/**
 * Makes a `TestSource`. Positions are item indexes; every split is read in order, one after the other.
 *
 *     const lines = createTestSource({ schema: LINE_SCHEMA, splits: [[{ text: 'a' }, ABORT, { text: 'b' }]] });
 */
export function createTestSource(options: TestSourceOptions): TestSource {
  /** `split:item` of what has happened. */
  const happened = new Set<string>();
  const pauses = waitList<number>();
  const wakes = new Map<string, () => void>();
  const totals = { aborts: 0, opens: 0, pauses: 0 };

  /** The answer a pause, abort or end gives at this place, or undefined to go on. */
  function meet(item: symbol, place: string, context: SourceContext): PollResult | undefined {
    if (item === EOF) return 'end';
    if (item === PAUSE && wakes.has(place)) return 'idle';
    if (happened.has(place)) return undefined;
    happened.add(place);
    if (item === ABORT) {
      totals.aborts += 1;
      throw new MillraceError('TASK_FAILED', `source "${context.id}" met ABORT at ${place}`);
    }
    totals.pauses += 1;
    wakes.set(place, () => context.wake());
    pauses.notify(totals.pauses);
    return 'idle';
  }

  function open(splits: readonly Split[], context: SourceContext): SourceReader {
    totals.opens += 1;
    const positions = splits.map((split) => Number(split.position ?? 0));
    let current = 0;

    /** Reads on in the current split; undefined = nothing more can be said by it. */
    function pollSplit(out: BatchBuilder, bytesMax: number): PollResult {
      const index = Number(splits[current].spec);
      const items = options.splits[index];
      const stopAt = out.length + bytesMax;
      let left = options.recordsPerPoll ?? Number.POSITIVE_INFINITY;
      while (positions[current] < items.length) {
        const item = items[positions[current]];
        if (typeof item === 'symbol') {
          // What was polled before is handed over first: an ABORT must not take it along.
          if (left !== (options.recordsPerPoll ?? Number.POSITIVE_INFINITY)) return 'more';
          const answer = meet(item, `${index}:${positions[current]}`, context);
          if (answer === 'idle') return answer;
          positions[current] += 1;
          if (answer === 'end') return answer;
          continue;
        }
        if (out.length >= stopAt || left === 0) return 'more';
        encodeObject(options.schema, item, out);
        positions[current] += 1;
        left -= 1;
      }
      return 'end';
    }

    return {
      poll(out, bytesMax) {
        if (current === splits.length) return 'end';
        const answer = pollSplit(out, bytesMax);
        if (answer !== 'end') return answer;
        current += 1;
        return current === splits.length ? 'end' : 'more';
      },
      snapshot: () => splits.map((split, i) => ({ ...split, position: positions[i] })),
      close: async () => {},
    };
  }

  const source: Source = {
    schema: options.schema,
    guarantee: 'replayable',
    splits: async () =>
      options.splits.map((_, i) => ({ id: `split-${i}`, spec: i, position: undefined })),
    open: async (splits, context) => open(splits, context),
  };
  return {
    source,
    connector: {
      name: options.name ?? 'test',
      source: () => ({ ok: true, value: source }),
    },
    get aborts() {
      return totals.aborts;
    },
    get opens() {
      return totals.opens;
    },
    paused: async (count = 1) => {
      if (totals.pauses < count) await pauses.until((met) => met >= count);
    },
    resume() {
      const woken = [...wakes.values()];
      wakes.clear();
      for (const wake of woken) wake();
    },
  };
}
