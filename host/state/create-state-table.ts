import { createEngineStateTable } from './engine-state-table.ts';
import type { StateTable, StateTableOptions } from './state-table.ts';

/** Makes the keyed state of one step in one task. */
export function createStateTable(options: StateTableOptions): StateTable {
  return createEngineStateTable(options);
}
