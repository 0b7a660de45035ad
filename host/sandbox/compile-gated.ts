import { MillraceError } from '../errors.ts';
import type { CompiledModule, GateReport } from './guest.ts';

/** Compiles what the gate wrote. Throws `MODULE_MALFORMED` when the engine does not take it. */
export async function compileGated({
  digest,
  description,
  rewritten,
}: Pick<GateReport, 'digest' | 'description' | 'rewritten'>): Promise<CompiledModule> {
  try {
    const wasm = await WebAssembly.compile(rewritten as Uint8Array<ArrayBuffer>);
    return { digest, description, wasm };
  } catch (thrown) {
    // The gate is stricter than the engine; should that fail once, the upload is still refused.
    throw new MillraceError('MODULE_MALFORMED', 'the engine refuses what the gate let in', {
      details: [thrown instanceof Error ? thrown.message : String(thrown)],
      hint: 'this is a fault of Millrace: please report it with the module',
      cause: thrown,
    });
  }
}
