import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type ErrorReport, MillraceError } from '../errors.ts';
import { gate } from '../sandbox/gate.ts';
import type { GateReport } from '../sandbox/guest.ts';

// The program of the gate's thread, see `gate-thread.ts`.

/** Errors cross as reports: what is thrown across threads loses its class. */
export type GateAnswer =
  | { readonly ok: true; readonly report: GateReport }
  | { readonly ok: false; readonly error: ErrorReport };

/** Gates one upload. The rewritten module moves to the caller, the rest is copied. */
export default function gateUpload(upload: Uint8Array): unknown {
  try {
    const report = gate(upload);
    const answer: GateAnswer = { ok: true, report };
    return move({ [transferableSymbol]: report.rewritten.buffer, [valueSymbol]: answer });
  } catch (thrown) {
    return { ok: false, error: MillraceError.from(thrown).report() } satisfies GateAnswer;
  }
}
