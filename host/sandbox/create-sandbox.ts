import { compileGated } from './compile-gated.ts';
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
    compile: async (upload) => compileGated(gate(upload)),
    instantiate: createInstance,
  };
}
