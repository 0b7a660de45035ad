import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGES = 'rustc libstd-rust-dev-wasm32 lld-14';
const FLAGS = [
  '--target=wasm32-unknown-unknown',
  '--crate-type=cdylib',
  '-Clinker=wasm-ld-14',
  '-Clink-arg=--strip-all',
];

/** Debian's compiler, also where another comes first in the path: the standard library for WebAssembly belongs to it. */
const RUSTC = existsSync('/usr/bin/rustc') ? '/usr/bin/rustc' : 'rustc';

/** Why no WebAssembly can be compiled from Rust here; undefined when it can. */
export const rustMissing: string | undefined = findMissing();

/** `name`, with the reason when Rust is missing. */
export function needsRust(name: string): string {
  return rustMissing === undefined ? name : `${name} (skipped: ${rustMissing})`;
}

/** Compiles one Rust file to a module with the standard library in it. */
export function compileRust(source: string, flags: readonly string[]): Uint8Array<ArrayBuffer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-rustc-'));
  try {
    const out = join(folder, 'out.wasm');
    execFileSync(RUSTC, [...FLAGS, ...flags, source, '-o', out], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return Uint8Array.from(readFileSync(out));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Compiles an empty program, since a compiler without the library and the linker is not enough. */
function findMissing(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-rustc-'));
  const { error, status } = spawnSync(RUSTC, [...FLAGS, '-', '-o', join(folder, 'out.wasm')], {
    input: '',
  });
  rmSync(folder, { recursive: true });
  if (error === undefined && status === 0) return undefined;
  return `rustc for wasm32 with wasm-ld-14 is not installed: apt-get install ${PACKAGES}`;
}
