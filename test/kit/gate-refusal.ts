import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../host/errors.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { addBuffer, finishGuest, handMadeGuest } from './hand-made-guest.ts';
import { op, type WasmBuilder } from './wasm-builder.ts';

/** A guest that does nothing, changed by `change` before it is built. */
export function guestWith(change: (builder: WasmBuilder) => void): Uint8Array<ArrayBuffer> {
  const guest = handMadeGuest();
  addBuffer(guest);
  change(guest.builder);
  return finishGuest(guest, { pass: { kind: 'flatMap', code: [op.i32(0)] } });
}

/** A guest with one more function of this code. */
export function guestWithBody(...code: (readonly number[])[]): Uint8Array<ArrayBuffer> {
  return guestWith((builder) => builder.function({ code }));
}

/** Index of that function: three imports and `mr_buffer` come before. */
export const ADDED_FUNCTION = 4;

/** What the gate throws. */
export function refusalOf(upload: Uint8Array): MillraceError {
  try {
    gate(upload);
  } catch (thrown) {
    if (thrown instanceof MillraceError) return thrown;
    throw thrown;
  }
  throw new Error('the gate let the module in');
}

/** What is wrong, an upload with it, the code, and what the error says. */
export type Refusal = readonly [string, () => Uint8Array, string, RegExp];

/** A test per row: the gate refuses the upload, with code, place and hint. */
export function refuses(group: string, rows: readonly Refusal[]): void {
  describe(`the gate refuses ${group}`, () => {
    test.each(rows)('%s', (_name, upload, code, says) => {
      const error = refusalOf(upload());
      expect(error.code).toBe(code);
      expect([error.message, ...error.details].join('\n')).toMatch(says);
      expect(error.hint).not.toBe('');
    });
  });
}

export const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);
export const times = (count: number, bytes: readonly number[]): number[] =>
  Array.from({ length: count }, () => bytes).flat();
