import { gate } from '../../host/sandbox/gate.ts';
import { rewriteModule } from '../../host/sandbox/rewrite/rewrite-module.ts';
import type { TrialInput } from '../../host/sandbox/trial/trial.ts';
import { Findings } from '../../host/sandbox/wasm/findings.ts';
import { parseModule } from '../../host/sandbox/wasm/parse-module.ts';

/**
 * An upload as if the gate had let it in and written nothing against endless work: the host's imports, memory and exports
 * are there, but no loop, no bulk instruction and no depth is charged. For showing that the fence behind the gate holds.
 */
export function unmetered(upload: Uint8Array): TrialInput {
  const { digest, description } = gate(upload);
  const module = parseModule(Uint8Array.from(upload), new Findings());
  // A body's first edit is its entry; without the others there is nothing else to charge.
  const bodies = module.bodies.map((body) => ({ ...body, editEnd: body.editStart + 1 }));
  const rewritten = rewriteModule({ ...module, bodies }, { importCost: () => 0, names: new Map() });
  return { digest, description, rewritten };
}
