import { MillraceError } from '../errors.ts';
import { CALL_DEPTH_MAX } from '../limits.ts';
import type { CodePlaces } from './code-places.ts';
import type { SourceLine } from './line-table.ts';
import { cleanName } from './rewrite/function-names.ts';

/** What is known about a call when something was thrown out of it. */
export interface FailedCall {
  /** `function "words"`, `the start of the module`, … */
  readonly what: string;
  readonly rows: number;
  readonly budget: number;
  /** Fuel and depth left; negative when that is what ran out. */
  readonly fuel: number;
  readonly depth: number;
  readonly places: CodePlaces;
}

/** Thrown by an import to end the call as a trap: `abort`, `proc_exit`. */
export class GuestStop extends Error {}

/**
 * The error of a call that threw: `FUEL_EXHAUSTED`, `GUEST_TRAP`, or what an import threw. The message names the innermost
 * line of the user's own files that the stack goes through, if the module tells its lines; the guest's frames are details.
 */
export function guestFailure(thrown: unknown, call: FailedCall): MillraceError {
  const frames = guestFrames(thrown, call.places);
  const details = frames.map(formatFrame);
  const place = frames.find(({ line }) => line?.own === true)?.line?.text;
  const at = place === undefined ? '' : `, at ${place}`;
  if (thrown instanceof MillraceError) {
    const message = `${call.what}: ${thrown.message}${at}`;
    return new MillraceError(thrown.code, message, { details, hint: thrown.hint, cause: thrown });
  }
  if (call.fuel < 0) {
    const message = `${call.what} used more than its ${call.budget} fuel on ${call.rows} rows${at}`;
    const hint = 'raise fuelPerRecord in the limits of the step, or look for an endless loop';
    return new MillraceError('FUEL_EXHAUSTED', message, { details, hint, cause: thrown });
  }
  if (!isGuestFault(thrown)) return MillraceError.from(thrown);
  const reason =
    call.depth < 0 ? `calls nested deeper than ${CALL_DEPTH_MAX}` : (thrown as Error).message;
  // An abort names its place; only one in the library leaves open where the user's code was.
  const placed = thrown instanceof GuestStop && !reason.includes('~lib/');
  const message = `${call.what} trapped: ${reason}${placed ? '' : at}`;
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

interface GuestFrame {
  readonly name: string;
  readonly index: string;
  /** In the upload. */
  readonly offset: number;
  readonly line: SourceLine | undefined;
}

const FRAME = /at (?:(.*?) \()?wasm:\/\/wasm\/[^:\s]*:wasm-function\[(\d+)\]:0x([0-9a-f]+)/g;

/** Innermost first. */
function guestFrames(thrown: unknown, places: CodePlaces): GuestFrame[] {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  return [...stack.matchAll(FRAME)].map(([, name, index, rewritten]) => {
    const offset = places.offsets.originalOf(Number.parseInt(rewritten, 16)) ?? 0;
    const line = places.lines?.lineOf(offset);
    return { name: cleanName(name ?? 'unnamed'), index, offset, line };
  });
}

/** `at sum (wasm-function[12]:0x1f3) words.ts:12:5`: V8's form and the line behind it. */
function formatFrame({ name, index, offset, line }: GuestFrame): string {
  const at = `at ${name} (wasm-function[${index}]:0x${offset.toString(16)})`;
  return line === undefined ? at : `${at} ${line.text}`;
}
