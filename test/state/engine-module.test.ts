import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compileAssembly } from '../../host/abi/kernel/compile-assembly.ts';
import { ENGINE_MODULE, ENGINE_SOURCE } from '../../host/state/engine/build.ts';

test('the committed state engine is what its sources compile to, and imports nothing', async () => {
  const committed = await readFile(ENGINE_MODULE);
  const compiled = await compileAssembly(ENGINE_SOURCE);
  expect(Buffer.compare(committed, compiled), 'run: node host/state/engine/build.ts').toBe(0);
  expect(WebAssembly.Module.imports(new WebAssembly.Module(compiled.slice()))).toEqual([]);
});
