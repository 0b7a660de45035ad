import { readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { MillraceError } from '../errors.ts';

/** A module's bytes from a `.wasm` file, or compiled from AssemblyScript (`.ts`). */
export async function loadModuleFile(path: string): Promise<Uint8Array> {
  switch (extname(path)) {
    case '.wasm':
      return readInput(path);
    case '.ts':
      await readInput(path);
      return (await compileAssemblyScript({ path: resolve(path) })).wasm;
    default:
      throw new MillraceError('USAGE', `"${path}" is neither a .wasm nor a .ts file`, {
        hint: 'give a compiled module, or AssemblyScript source to compile',
      });
  }
}

/** The catalog name a file gets unless the user gives one: its base name. */
export function moduleNameOf(path: string): string {
  return basename(path, extname(path)).replace(/\.udf$/, '');
}

/** A file's bytes, with an error that names it. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new MillraceError('USAGE', `cannot read "${path}": ${reasonOf(cause)}`, {
      hint: `looked for ${resolve(path)}`,
      cause,
    });
  }
}

function reasonOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EACCES') return 'permission denied';
  return code ?? String(cause);
}
