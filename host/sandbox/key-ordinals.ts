import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../abi/layout.ts';
import { MillraceError } from '../errors.ts';
import type { Batch } from '../model/batch.ts';

/** Ordinals met in the call at hand; grown to the largest call, cleared after each. */
let seen = new Uint8Array(1024);

/**
 * Throws `ABI_VIOLATION` unless the states carry ordinals below `keys`, each at most once, and every
 * key that had a row is among them. The rows of both batches were checked before.
 */
export function checkOrdinals(rows: Batch, states: Batch, keys: number): void {
  if (keys > seen.length) seen = new Uint8Array(keys * 2);
  try {
    markStates(states, keys);
    // As many different ordinals as there are keys: none is missing.
    if (states.count < keys) requireStates(rows);
  } finally {
    seen.fill(0, 0, keys);
  }
}

/** Throws `ABI_VIOLATION` unless every row carries the ordinal of one of `count` windows. */
export function checkWindows({ bytes }: Batch, count: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
    const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
    if (ordinal >= count) violation(`a row has the ordinal ${ordinal} of ${count} windows`);
  }
}

/** As `checkOrdinals`, but a key need not have a state. */
export function checkStates(states: Batch, keys: number): void {
  if (keys > seen.length) seen = new Uint8Array(keys * 2);
  try {
    markStates(states, keys);
  } finally {
    seen.fill(0, 0, keys);
  }
}

/** Throws `ABI_VIOLATION` unless every row carries an ordinal below `count`. */
export function checkTags({ bytes }: Batch, count: number, what: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
    const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
    if (ordinal >= count) violation(`${what} has ordinal ${ordinal} of ${count} keys`);
  }
}

function markStates(states: Batch, keys: number): void {
  const view = new DataView(states.bytes.buffer, states.bytes.byteOffset, states.bytes.length);
  for (let offset = 0; offset < states.bytes.length; ) {
    const ordinal = view.getUint32(offset + ROW_TAG_OFFSET, true);
    if (ordinal >= keys) violation(`a state has ordinal ${ordinal} of ${keys} keys`);
    if (seen[ordinal] === 1) violation(`two states have ordinal ${ordinal}`);
    seen[ordinal] = 1;
    offset += view.getUint32(offset + ROW_LENGTH_OFFSET, true);
  }
}

function requireStates(rows: Batch): void {
  const view = new DataView(rows.bytes.buffer, rows.bytes.byteOffset, rows.bytes.length);
  for (let offset = 0; offset < rows.bytes.length; ) {
    const ordinal = view.getUint32(offset + ROW_TAG_OFFSET, true);
    if (seen[ordinal] !== 1) violation(`no state was handed back for ordinal ${ordinal}`);
    offset += view.getUint32(offset + ROW_LENGTH_OFFSET, true);
  }
}

function violation(text: string): never {
  throw new MillraceError('ABI_VIOLATION', text);
}
