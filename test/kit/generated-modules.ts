import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const WASM_OPT = join(import.meta.dirname, '../../node_modules/.bin/wasm-opt');
/** What the gate accepts of what it can make up; vectors cannot be handed to JavaScript, which compares. */
const FEATURES = [
  ...['bulk-memory', 'sign-ext', 'nontrapping-float-to-int', 'mutable-globals', 'multivalue'],
].map((feature) => `--enable-${feature}`);
/** Bytes that a module is made up from. */
const SEED_BYTES = 1_500;

/** Modules that Binaryen's fuzzer makes up (`wasm-opt -ttf`), valid and strange, the same for the same seeds. */
export async function generatedModules(
  seeds: readonly number[],
): Promise<Uint8Array<ArrayBuffer>[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-ttf-'));
  try {
    const modules: Uint8Array<ArrayBuffer>[] = [];
    for (let i = 0; i < seeds.length; i += 2) {
      modules.push(
        ...(await Promise.all(seeds.slice(i, i + 2).map((seed) => generate(folder, seed)))),
      );
    }
    return modules;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function generate(folder: string, seed: number): Promise<Uint8Array<ArrayBuffer>> {
  const [input, output] = [join(folder, `${seed}.bin`), join(folder, `${seed}.wasm`)];
  writeFileSync(input, seedBytes(seed));
  const args = [WASM_OPT, '-ttf', input, '-o', output, '-O1', '--mvp-features', ...FEATURES];
  await promisify(execFile)(process.execPath, args);
  return Uint8Array.from(readFileSync(output));
}

function seedBytes(seed: number): Uint8Array {
  let state = (seed + 1) * 0x9e37_79b1;
  return Uint8Array.from({ length: SEED_BYTES }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 24;
  });
}
