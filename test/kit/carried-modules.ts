import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A real module, from a compiler that is not ours. */
export interface CarriedModule {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Packages that carry WebAssembly as text inside their scripts. */
const PACKAGES = [
  'undici/lib/llhttp',
  'es-module-lexer/dist',
  '@vitest/mocker/dist',
  'assemblyscript/dist',
  'vite/dist/node/chunks',
];

/** `\0asm` and version 1 in base64. */
const MODULE_TEXT = /AGFzbQE[A-Za-z0-9+/=]+/g;

/** The modules that npm packages in `node_modules` carry, by content once. */
export function carriedModules(): CarriedModule[] {
  const found = new Map<string, CarriedModule>();
  for (const folder of PACKAGES) {
    const path = join(import.meta.dirname, '../../node_modules', folder);
    for (const file of readdirSync(path)) {
      if (!/\.[cm]?js$/.test(file)) continue;
      for (const [base64] of readFileSync(join(path, file), 'utf8').matchAll(MODULE_TEXT)) {
        const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
        found.set(base64, { name: `${folder}/${file} (${bytes.length} bytes)`, bytes });
      }
    }
  }
  return [...found.values()];
}
