import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `kernel.wasm` exports; `assembly/index.ts` says what each does. Addresses and lengths are bytes. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  descriptorAt(): number;
  targetsAt(): number;
  inputAt(): number;
  reserve(bytes: number): number;
  useKey(keyBytesMax: number): void;
  hashKeys(bytes: number, count: number): number;
  useTargets(keyGroups: number, targets: number): void;
  partition(bytes: number, count: number): number;
}

let compiled: WebAssembly.Module | undefined;

/** A row kernel with a memory of its own; compiled once per thread. */
export function loadKernel(): KernelExports {
  compiled ??= new WebAssembly.Module(readFileSync(join(import.meta.dirname, 'kernel.wasm')));
  const instance = new WebAssembly.Instance(compiled, Object.create(null));
  return instance.exports as unknown as KernelExports;
}
