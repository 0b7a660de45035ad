import { MillraceError } from '../errors.ts';
import { CALL_DEPTH_MAX } from '../limits.ts';
import { cleanName } from './rewrite/function-names.ts';
import type { OffsetMap } from './rewrite/offset-map.ts';

/** What is known about a call when something was thrown out of it. */
export interface FailedCall {
  /** `function "words"`, `the start of the module`, … */
  readonly what: string;
  readonly rows: number;
  readonly budget: number;
  /** Fuel and depth left; negative when that is what ran out. */
  readonly fuel: number;
  readonly depth: number;
  readonly offsets: OffsetMap;
}

/** Thrown by an import to end the call as a trap: `abort`, `proc_exit`. */
export class GuestStop extends Error {}

/**
 * The error of a call that threw: `FUEL_EXHAUSTED`, `GUEST_TRAP`, or what an import threw, with the
 * guest's frames as details, offsets those of the upload.
 */
export function guestFailure(thrown: unknown, call: FailedCall): MillraceError {
  const details = guestFrames(thrown, call.offsets);
  if (thrown instanceof MillraceError) {
    const message = `${call.what}: ${thrown.message}`;
    return new MillraceError(thrown.code, message, { details, hint: thrown.hint, cause: thrown });
  }
  if (call.fuel < 0) {
    const message = `${call.what} used more than its ${call.budget} fuel on ${call.rows} rows`;
    const hint = 'raise fuelPerRecord in the limits of the step, or look for an endless loop';
    return new MillraceError('FUEL_EXHAUSTED', message, { details, hint, cause: thrown });
  }
  if (!isGuestFault(thrown)) return MillraceError.from(thrown);
  const reason =
    call.depth < 0 ? `calls nested deeper than ${CALL_DEPTH_MAX}` : (thrown as Error).message;
  const message = `${call.what} trapped: ${reason}`;
  return new MillraceError('GUEST_TRAP', message, { details, cause: thrown });
}

/** A trap, an abort, or V8's own stack limit; anything else is a fault of the host. */
function isGuestFault(thrown: unknown): boolean {
  return (
    thrown instanceof WebAssembly.RuntimeError ||
    thrown instanceof GuestStop ||
    (thrown instanceof RangeError && /call stack/.test(thrown.message))
  );
}

const FRAME = /at (?:(.*?) \()?wasm:\/\/wasm\/[^:\s]*:wasm-function\[(\d+)\]:0x([0-9a-f]+)/g;

/** `at sum (wasm-function[12]:0x1f3)`, innermost first: V8's form, so that tools which read stacks read it. */
function guestFrames(thrown: unknown, offsets: OffsetMap): string[] {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  return [...stack.matchAll(FRAME)].map(([, name, index, offset]) => {
    const original = offsets.originalOf(Number.parseInt(offset, 16)) ?? 0;
    return `at ${cleanName(name ?? 'unnamed')} (wasm-function[${index}]:0x${original.toString(16)})`;
  });
}
