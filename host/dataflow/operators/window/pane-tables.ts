import { MillraceError } from '../../../errors.ts';
import { STATE_BYTES_MAX, WINDOW_ENGINES_MAX } from '../../../limits.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import { createMapStateTable, stateLimit } from '../../../state/map-state-table.ts';
import type {
  CreateStateTable,
  KeyedSnapshot,
  StateTable,
  StateTableOptions,
} from '../../../state/state-table.ts';

/** Makes the tables of one windowed step, and bounds them together: closing a window is dropping a table. */
export class TableMaker {
  readonly #create: CreateStateTable;
  readonly #options: StateTableOptions;
  readonly #open = new Set<StateTable>();

  constructor(create: CreateStateTable, keyGroups: number, range: KeyGroupRange) {
    this.#create = create;
    this.#options = { keyGroups, range, bytesMax: STATE_BYTES_MAX };
  }

  /** Each engine has a memory of its own: with very many tables the rest are plain maps. */
  make(): StateTable {
    const isFew = this.#open.size < WINDOW_ENGINES_MAX;
    const table = isFew ? this.#create(this.#options) : createMapStateTable(this.#options);
    this.#open.add(table);
    return table;
  }

  drop(table: StateTable): void {
    this.#open.delete(table);
    table.close();
  }

  dropAll(): void {
    for (const table of [...this.#open]) this.drop(table);
  }

  /** Keys with state in any table, each counted in every table it is in, and bytes. Throws `STATE_LIMIT` when there are too many. */
  totals(): { readonly entries: number; readonly bytes: number } {
    let entries = 0;
    let bytes = 0;
    for (const table of this.#open) {
      entries += table.entries;
      bytes += table.bytes;
    }
    if (bytes > STATE_BYTES_MAX) throw stateLimit(STATE_BYTES_MAX);
    return { entries, bytes };
  }
}

/** Tables by the end of the pane whose states they hold. */
export class PaneTables {
  readonly #maker: TableMaker;
  readonly #prefix: string;
  readonly #tables = new Map<number, StateTable>();
  #ends: number[] = [];

  /** `prefix` names the states of its tables in a snapshot: `pane:1000`. */
  constructor(maker: TableMaker, prefix: string) {
    this.#maker = maker;
    this.#prefix = prefix;
  }

  /** Ascending. */
  get ends(): readonly number[] {
    return this.#ends;
  }

  get(end: number): StateTable | undefined {
    return this.#tables.get(end);
  }

  /** The table of a pane, made when there is none. */
  at(end: number): StateTable {
    const found = this.#tables.get(end);
    if (found !== undefined) return found;
    const table = this.#maker.make();
    this.put(end, table);
    return table;
  }

  put(end: number, table: StateTable): void {
    this.#tables.set(end, table);
    this.#ends = [...this.#tables.keys()].sort((a, b) => a - b);
  }

  /** Takes a table out without dropping it. */
  take(end: number): StateTable | undefined {
    const table = this.#tables.get(end);
    this.#tables.delete(end);
    this.#ends = this.#ends.filter((other) => other !== end);
    return table;
  }

  drop(end: number): void {
    const table = this.take(end);
    if (table !== undefined) this.#maker.drop(table);
  }

  snapshot(): { [state: string]: KeyedSnapshot } {
    const states: { [state: string]: KeyedSnapshot } = {};
    for (const [end, table] of this.#tables) {
      if (table.entries > 0) states[`${this.#prefix}:${end}`] = table.snapshot();
    }
    return states;
  }

  /** Adds what a snapshot holds under its prefix. Throws `CHECKPOINT_CORRUPT`, `STATE_LIMIT`. */
  restore(keyed: { readonly [state: string]: KeyedSnapshot }, range: KeyGroupRange): void {
    for (const [state, snapshot] of Object.entries(keyed)) {
      if (!state.startsWith(`${this.#prefix}:`)) continue;
      const end = Number(state.slice(this.#prefix.length + 1));
      if (!Number.isSafeInteger(end)) {
        throw new MillraceError('CHECKPOINT_CORRUPT', `the state "${state}" names no window`);
      }
      const known = this.#tables.has(end);
      const table = this.at(end);
      table.restore(snapshot, range);
      if (!known && table.entries === 0) this.drop(end);
    }
  }
}
