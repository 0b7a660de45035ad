import { createHeapTimerTable } from './heap-timer-table.ts';
import type { TimerTable, TimerTableOptions } from './timer-table.ts';

/** Makes the timers of one step in one task, of one kind of time. */
export function createTimerTable(options: TimerTableOptions): TimerTable {
  return createHeapTimerTable(options);
}
