import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import asc from 'assemblyscript/asc';

const ROOT = join(import.meta.dirname, '../../..');

/**
 * Compiles one of our own trusted AssemblyScript modules: no imports, no runtime, memory used as bytes. The answer
 * depends on the sources alone, so that a test can hold the committed module against them.
 */
export async function compileAssembly(entry: string): Promise<Uint8Array> {
  const written = new Map<string, Uint8Array>();
  const options = {
    '--outFile': 'out.wasm',
    '--runtime': 'stub',
    '--initialMemory': '2',
    '--maximumMemory': '65535',
    '--use': 'abort=',
    '--enable': 'simd',
    '--optimizeLevel': '3',
    '--shrinkLevel': '0',
    '--uncheckedBehavior': 'always',
  };
  const { error, stderr } = await asc.main(
    [relative(ROOT, entry), ...Object.entries(options).flat(), '--converge', '--noAssert'],
    {
      readFile: (name, base) => readFile(join(ROOT, base, name), 'utf8').catch(() => null),
      writeFile: (name, contents) => {
        written.set(name, typeof contents === 'string' ? Buffer.from(contents) : contents);
      },
      listFiles: () => [],
    },
  );
  const wasm = written.get('out.wasm');
  if (error !== null || wasm === undefined) {
    throw new Error(`${entry} does not compile:\n${stderr.toString()}`, { cause: error });
  }
  return wasm;
}
