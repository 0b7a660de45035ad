import type { RecordSchema, ValueType } from './schema.ts';

/** Kinds of functions that are called for records and timers, with named states. */
export type ProcessKind = 'process' | 'coProcess' | 'broadcastProcess';

export const PROCESS_KINDS: readonly ProcessKind[] = ['process', 'coProcess', 'broadcastProcess'];

/** What a process function declares beside its records (`guest-sdk/ABI.md`, section 7). */
export interface ProcessDescription {
  /** The record of the second input: the right one of `coProcess`, the broadcast one of `broadcastProcess`. */
  readonly second: RecordSchema | undefined;
  /** The states of a key that are one row, in slot order. */
  readonly states: readonly StateDescription[];
  readonly maps: readonly MapDescription[];
  readonly sides: readonly SideDescription[];
  readonly metrics: readonly MetricDescription[];
}

export interface StateDescription {
  readonly name: string;
  readonly kind: 'value' | 'list' | 'reducing';
  /** Of the value, or of one element. */
  readonly type: ValueType;
  /** Milliseconds after the last write when it is gone; undefined = never. */
  readonly ttlMs: number | undefined;
}

export interface MapDescription {
  readonly name: string;
  /** `key`, and `value`, which is optional: null stands for no entry. */
  readonly entry: RecordSchema;
  /** The same in every task, written by the broadcast input alone; else of a key. */
  readonly broadcast: boolean;
  readonly ttlMs: number | undefined;
}

export interface SideDescription {
  readonly name: string;
  readonly record: RecordSchema;
}

export interface MetricDescription {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
}

/**
 * The record of a key's states: a field for each in order, null or empty when there is none, then for each the time of its last write,
 * field `<name>-at`. Undefined when there are no such states.
 */
export function stateRecord(states: readonly StateDescription[]): RecordSchema | undefined {
  if (states.length === 0) return undefined;
  const values = states.map(({ name, kind, type }) => ({
    name,
    type: { kind: kind === 'list' ? ('list' as const) : ('optional' as const), of: type },
  }));
  const times = states.map(({ name }) => ({
    name: `${name}-at`,
    type: { kind: 'timestamp' as const },
  }));
  return { name: 'State', fields: [...values, ...times] };
}

/** The record of the entries of a map state. */
export function entryRecord(key: ValueType, value: ValueType): RecordSchema {
  return {
    name: 'Entry',
    fields: [
      { name: 'key', type: key },
      { name: 'value', type: { kind: 'optional', of: value } },
    ],
  };
}
