/** Compiles the row kernel: `node host/abi/kernel/build.ts` after every change in `assembly/`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileAssembly } from './compile-assembly.ts';

export const KERNEL_SOURCE = join(import.meta.dirname, 'assembly/index.ts');
export const KERNEL_MODULE = join(import.meta.dirname, 'kernel.wasm');

if (import.meta.main) await writeFile(KERNEL_MODULE, await compileAssembly(KERNEL_SOURCE));
