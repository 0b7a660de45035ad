/** Areas of memory that a batch is resolved in: two words each, address and bytes. */
import { RESULTS } from './memory';

const AREAS: usize = RESULTS + 16;
export const ROWS: usize = AREAS;
export const KEYS: usize = AREAS + 8;
export const NEW_KEYS: usize = AREAS + 16;
export const KEY_ROOM: usize = AREAS + 24;
export const EXCHANGE: usize = AREAS + 32;
/** Results: u32 bytes and u32 rows in the exchange area, u32 keys. */
export const OUT_BYTES: usize = RESULTS;
export const OUT_ROWS: usize = RESULTS + 4;
export const KEY_COUNT: usize = RESULTS + 8;
