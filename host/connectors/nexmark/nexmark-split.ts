import { MillraceError } from '../../errors.ts';
import type { Split } from '../source.ts';
import type { NexmarkOptions } from './nexmark-options.ts';

/** Events that share out an endless stream among generators: as many as Beam takes an unbounded stream to have. */
const ENDLESS_EVENTS = 368_934_881_474_191;

/** One generator: a timeline of its own over a range of event ids. */
export interface NexmarkSplit {
  readonly firstEventId: number;
  /** Events it makes in all. */
  readonly events: number;
  readonly baseTimeMs: number;
}

/** One split per generator; their ids are stable, their ranges of event ids follow each other. */
export function nexmarkSplits(options: NexmarkOptions, nowMs: number): readonly Split[] {
  const { generators, firstEventId } = options;
  const total = options.count ?? ENDLESS_EVENTS;
  const share = Math.floor(total / generators);
  const baseTimeMs = options.baseTime === 'now' ? Math.floor(nowMs) : options.baseTime;
  return Array.from({ length: generators }, (_, i) => ({
    id: `generator-${i}`,
    spec: {
      firstEventId: firstEventId + i * share,
      events: i === generators - 1 ? total - share * i : share,
      baseTimeMs,
    },
    position: undefined,
  }));
}

/** The generator that a split stands for. Throws `CONNECTOR_OPTION` when it is none of this connector's. */
export function readNexmarkSplit(split: Split): NexmarkSplit {
  const spec = split.spec as Partial<NexmarkSplit> | null;
  const { firstEventId, events, baseTimeMs } = spec ?? {};
  if (!isCount(firstEventId) || !isCount(events) || !isCount(baseTimeMs)) {
    throw new MillraceError(
      'CONNECTOR_OPTION',
      `split "${split.id}" does not say what it generates`,
    );
  }
  return { firstEventId, events, baseTimeMs };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
