/**
 * The states of a keyed call: an entry of 8 bytes for each ordinal, the address of the key's state
 * object (0: none) and whether a row was folded into it.
 */
import { allocateBlock } from './arena';

let table: usize = 0;
let entries: u32 = 0;

// @ts-ignore: decorator
@global
export function __mr_keys(keys: i32): void {
  if (<u32>keys > 0x0800_0000) throw new Error('too many keys');
  entries = <u32>keys;
  table = allocateBlock(<usize>keys << 3);
  memory.fill(table, 0, <usize>keys << 3);
}

/** The entry of the row's key. */
// @ts-ignore: decorator
@inline @global
export function __mr_key(row: usize): usize {
  const ordinal = load<u32>(row, 4);
  if (ordinal >= entries) throw new Error('key ordinal out of range');
  return table + (<usize>ordinal << 3);
}

/** The state of ordinal `ordinal`, 0 when the key has none. */
// @ts-ignore: decorator
@inline @global
export function __mr_state(ordinal: i32): usize {
  return load<usize>(table + (<usize>ordinal << 3));
}

// @ts-ignore: decorator
@inline @global
export function __mr_touched(ordinal: i32): bool {
  return load<u32>(table + (<usize>ordinal << 3), 4) != 0;
}

/** Views on the states that the host handed in. */
// @ts-ignore: decorator
@global
export function __mr_load_states<T>(states: usize, bytes: usize): void {
  const end = states + bytes;
  for (let row = states; row < end; row += <usize>load<u32>(row)) {
    const view = __mr_view<T>();
    // @ts-ignore: a record
    view.__mr_move(row);
    store<usize>(__mr_key(row), changetype<usize>(view));
  }
}

/** Whether every key that has a state also had a row. */
// @ts-ignore: decorator
@global
export function __mr_all_touched(keys: i32): bool {
  for (let i = 0; i < keys; i++) {
    if (__mr_state(i) != 0 && !__mr_touched(i)) return false;
  }
  return true;
}

/** Writes the states, those of keys with a row only, the ordinal in the tag. */
// @ts-ignore: decorator
@global
export function __mr_push_states<T>(keys: i32, touchedOnly: bool): void {
  for (let i = 0; i < keys; i++) {
    const state = __mr_state(i);
    if (state == 0 || (touchedOnly && !__mr_touched(i))) continue;
    const record = changetype<T>(state);
    // @ts-ignore: a record
    __mr_push<T>(record, load<i64>(record.__mr_row, 8), <u32>i);
  }
}
