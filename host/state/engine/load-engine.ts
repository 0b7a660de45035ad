import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `engine.wasm` exports; `assembly/` says what each does. Addresses and lengths are bytes, negative numbers errors. */
export interface EngineExports {
  readonly memory: WebAssembly.Memory;
  init(keyGroups: number, bytesMax: number): number;
  setLimits(keyBytesMax: number, rowBytesMax: number): void;
  setComposite(): void;
  resultsAt(): number;
  descriptorAt(): number;
  useKey(): void;
  exchangeAt(bytes: number): number;
  usedBytes(): number;
  entryCount(): number;
  byteCount(): number;
  prepareRows(bytes: number, rows: number): number;
  resolve(bytes: number, rows: number, hashed: boolean): number;
  resume(): number;
  resolveEntries(bytes: number, entries: number): number;
  resumeEntries(): number;
  apply(bytes: number, rows: number): number;
  get(hash: number, keyBytes: number): number;
  remove(hash: number, keyBytes: number): number;
  scan(start: number, end: number, cursor: number, bytesMax: number): number;
  scanEntries(start: number, end: number, cursor: number, bytesMax: number): number;
  beginCapture(changes: boolean): number;
  continueCapture(): number;
  cancelCapture(): void;
  runsAt(): number;
  reserveSlots(entries: number): number;
  restore(bytes: number, group: number, changes: boolean): number;
}

/** Words at `resultsAt()`. */
export const OUT_BYTES = 0;
export const OUT_ROWS = 1;
export const KEY_COUNT = 2;

/** `resolve` stopped because the exchange area is full. */
export const FULL = 1;
export const KEY_TOO_LARGE = -2;
export const NO_MEMORY = -3;
export const OVER_LIMIT = -4;
export const CORRUPT = -6;
export const TWICE = -7;
export const LOST = -8;

let compiled: WebAssembly.Module | undefined;

/** A state engine with a memory of its own; compiled once per thread. */
export function loadEngine(): EngineExports {
  compiled ??= new WebAssembly.Module(readFileSync(join(import.meta.dirname, 'engine.wasm')));
  const instance = new WebAssembly.Instance(compiled, Object.create(null));
  return instance.exports as unknown as EngineExports;
}
