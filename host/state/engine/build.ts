/** Compiles the state engine: `node host/state/engine/build.ts` after every change in `assembly/`, here or of the row kernel. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileAssembly } from '../../abi/kernel/compile-assembly.ts';

export const ENGINE_SOURCE = join(import.meta.dirname, 'assembly/index.ts');
export const ENGINE_MODULE = join(import.meta.dirname, 'engine.wasm');

if (import.meta.main) await writeFile(ENGINE_MODULE, await compileAssembly(ENGINE_SOURCE));
