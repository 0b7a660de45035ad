import { aggregateKind } from './aggregate.ts';
import { applyKind } from './apply.ts';
import { assignTimestampKind } from './assign-timestamp.ts';
import { filterKind } from './filter.ts';
import { flatMapKind } from './flat-map.ts';
import { joinKind } from './join.ts';
import type { Kind } from './kind.ts';
import { mapKind } from './map.ts';
import { broadcastProcessKind, coProcessKind, processKind } from './process.ts';
import { reduceKind } from './reduce.ts';

const ALL: readonly Kind[] = [
  mapKind,
  filterKind,
  flatMapKind,
  reduceKind,
  aggregateKind,
  applyKind,
  assignTimestampKind,
  joinKind,
  processKind,
  coProcessKind,
  broadcastProcessKind,
];

/** The kinds of functions, by the name of their decorator. */
export const KINDS: ReadonlyMap<string, Kind> = new Map(ALL.map((kind) => [kind.kind, kind]));
