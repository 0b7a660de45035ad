import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { KERNEL_MODULE, KERNEL_SOURCE } from '../../host/abi/kernel/build.ts';
import { compileAssembly } from '../../host/abi/kernel/compile-assembly.ts';

test('the committed row kernel is what its sources compile to, and imports nothing', async () => {
  const committed = await readFile(KERNEL_MODULE);
  const compiled = await compileAssembly(KERNEL_SOURCE);
  expect(Buffer.compare(committed, compiled), 'run: node host/abi/kernel/build.ts').toBe(0);
  expect(WebAssembly.Module.imports(new WebAssembly.Module(compiled.slice()))).toEqual([]);
});
