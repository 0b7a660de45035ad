import { MillraceError } from '../errors.ts';
import { gate } from './gate.ts';
import type { Sandbox } from './guest.ts';
import { createInstance } from './instance.ts';

/**
 * The sandbox on V8: uploads pass the gate, what it wrote is compiled, instances check what guests
 * hand over.
 *
 *     const sandbox = createSandbox();
 *     const module = await sandbox.compile(upload);
 *     const instance = sandbox.instantiate(module, limits, log);
 *     const output = instance.run('words', batch);
 */
export function createSandbox(): Sandbox {
  return {
    async compile(upload) {
      const { digest, description, rewritten } = gate(upload);
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
    },
    instantiate: createInstance,
  };
}
