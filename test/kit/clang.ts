import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLANG = 'clang-19';
const PACKAGES = 'clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32';

/** Flags for a module without a C library. */
export const FREESTANDING = ['--target=wasm32', '-nostdlib', '-fno-builtin', '-Wl,--no-entry'];
/** Flags for a module over a WASI libc that is called, not run. */
export const WASI_REACTOR = ['--target=wasm32-wasi', '-mexec-model=reactor'];

/** Why no WebAssembly can be compiled from C here; undefined when it can. */
export const clangMissing: string | undefined = findMissing();

/** `name`, with the reason when clang is missing. */
export function needsClang(name: string): string {
  return clangMissing === undefined ? name : `${name} (skipped: ${clangMissing})`;
}

/** Compiles one C file; `flags` come after `-O2`. */
export function compileC(source: string, flags: readonly string[]): Uint8Array<ArrayBuffer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-clang-'));
  try {
    const out = join(folder, 'out.wasm');
    execFileSync(CLANG, ['-O2', ...flags, source, '-o', out], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return Uint8Array.from(readFileSync(out));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As `compileC`, from the text of a file. */
export function compileText(source: string, flags: readonly string[]): Uint8Array<ArrayBuffer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-clang-'));
  try {
    writeFileSync(join(folder, 'source.c'), source);
    return compileC(join(folder, 'source.c'), flags);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Links an empty program with the libc, since a compiler alone is not enough. */
function findMissing(): string | undefined {
  const args = ['-x', 'c', ...WASI_REACTOR, '-', '-o', '/dev/null'];
  const { error, status } = spawnSync(CLANG, args, { input: '#include <stdio.h>\nint f;\n' });
  if (error === undefined && status === 0) return undefined;
  return `${CLANG} with wasm-ld and a WASI libc is not installed: apt-get install ${PACKAGES}`;
}
