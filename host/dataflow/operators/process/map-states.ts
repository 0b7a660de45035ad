import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { MapReader } from '../../../sandbox/process-call.ts';
import type { KeyedSnapshot, StateCapture } from '../../../state/state-table.ts';
import type { HashedKey } from '../../../state/timer-entry.ts';
import type { ProcessSpec } from '../../process-spec.ts';
import type { OperatorParts } from '../operator-parts.ts';
import type { CallKeys } from './call-keys.ts';
import { MapState } from './map-state.ts';

/** Broadcast entries belong to no key. */
const NO_KEY: HashedKey = { hash: 0, key: new Uint8Array(0) };

/** All map states of a process function; what a guest reads while it runs. */
export class MapStates implements MapReader {
  readonly #spec: ProcessSpec;
  readonly #maps: readonly MapState[];
  readonly #keys: CallKeys;
  nowMs = 0;

  constructor(spec: ProcessSpec, keys: CallKeys, parts: OperatorParts) {
    this.#spec = spec;
    this.#keys = keys;
    this.#maps = spec.process.maps.map((map) => new MapState(map, spec.ttlMs, parts));
  }

  get entries(): number {
    return this.#maps.reduce((sum, { entries }) => sum + entries, 0);
  }

  get bytes(): number {
    return this.#maps.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get nextMs(): number | undefined {
    let earliest: number | undefined;
    for (const { nextMs } of this.#maps) {
      if (nextMs !== undefined) earliest = Math.min(earliest ?? nextMs, nextMs);
    }
    return earliest;
  }

  get(map: number, ordinal: number, key: Uint8Array): Uint8Array | undefined {
    return this.#maps[map].get(this.#keyOf(map, ordinal), key, this.nowMs);
  }

  next(map: number, ordinal: number, key: Uint8Array | undefined): Uint8Array | undefined {
    return this.#maps[map].next(this.#keyOf(map, ordinal), key, this.nowMs);
  }

  accept(writes: readonly Batch[]): void {
    for (const [map, rows] of writes.entries()) {
      this.#maps[map].commit(rows, (ordinal) => this.#keyOf(map, ordinal), this.nowMs);
    }
  }

  cleanUp(nowMs: number): void {
    for (const map of this.#maps) map.cleanUp(nowMs);
  }

  snapshots(): readonly (readonly [name: string, snapshot: KeyedSnapshot])[] {
    return this.#maps.map((map, i) => [stateName(this.#spec, i), map.snapshot()]);
  }

  captures(
    changes: boolean,
  ): readonly (readonly [name: string, capture: KeyedSnapshot | StateCapture])[] {
    return this.#maps.map((map, i) => [stateName(this.#spec, i), map.capture(changes)]);
  }

  restore(keyed: { readonly [state: string]: KeyedSnapshot }, range: KeyGroupRange): void {
    for (const [i, map] of this.#maps.entries()) {
      const name = stateName(this.#spec, i);
      if (Object.hasOwn(keyed, name)) map.restore(keyed[name], range);
    }
  }

  close(): void {
    for (const map of this.#maps) map.close();
  }

  #keyOf(map: number, ordinal: number): HashedKey {
    return this.#spec.process.maps[map].broadcast ? NO_KEY : this.#keys.of(ordinal);
  }
}

/** What the map is called in snapshots. */
function stateName({ process }: ProcessSpec, map: number): string {
  return `map:${process.maps[map].name}`;
}
