import { readFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import type { Pipeline } from '../dataflow/pipeline.ts';
import type { PlannedModule } from '../dataflow/planned-module.ts';
import { MillraceError } from '../errors.ts';
import type { Sandbox } from '../sandbox/guest.ts';
import { writeFileDurably } from '../storage/write-file-durably.ts';

/** A pipeline's modules, read, compiled where they are source, passed by the gate and kept with the job. */
export interface LoadedModules {
  readonly planned: ReadonlyMap<string, PlannedModule>;
  /** Digest → where the bytes are. */
  readonly paths: { readonly [digest: string]: string };
}

export interface LoadModulesOptions {
  /** By alias, instead of what the document says: a file, or the bytes of a module. */
  readonly given: { readonly [alias: string]: string | Uint8Array };
  readonly baseDirectory: string;
  /** The job's: bytes are kept in its folder `modules`. */
  readonly directory: string;
  readonly sandbox: Sandbox;
}

/** Throws `MODULE_NOT_FOUND`, `COMPILE_FAILED` and what the gate throws. */
export async function loadModules(
  pipeline: Pipeline,
  options: LoadModulesOptions,
): Promise<LoadedModules> {
  const planned = new Map<string, PlannedModule>();
  const paths: Record<string, string> = {};
  for (const [alias, written] of Object.entries(pipeline.modules ?? {})) {
    const source = Object.hasOwn(options.given, alias) ? options.given[alias] : written;
    const bytes = typeof source === 'string' ? await readModule(alias, source, options) : source;
    const { digest, description } = await options.sandbox.compile(bytes);
    const path = join(options.directory, 'modules', `${digest}.wasm`);
    await writeFileDurably(path, bytes);
    paths[digest] = path;
    const ref = typeof source === 'string' ? basename(source) : alias;
    planned.set(alias, { ref, digest, description });
  }
  return { planned, paths };
}

async function readModule(
  alias: string,
  source: string,
  { baseDirectory }: LoadModulesOptions,
): Promise<Uint8Array> {
  const path = resolve(baseDirectory, source);
  const type = extname(path);
  if (type !== '.wasm' && type !== '.ts') {
    throw new MillraceError('MODULE_NOT_FOUND', `module "${alias}" names no file: "${source}"`, {
      hint: 'without a server modules are .wasm or .ts files, or bytes given beside the pipeline',
    });
  }
  try {
    const bytes = await readFile(path);
    if (type === '.wasm') return new Uint8Array(bytes);
  } catch (cause) {
    const text = `module "${alias}" cannot be read from "${path}"`;
    throw new MillraceError('MODULE_NOT_FOUND', text, {
      hint: 'relative paths are taken from the pipeline document',
      cause,
    });
  }
  const { compileAssemblyScript } = await import('../../guest-sdk/assemblyscript/compile.ts');
  return (await compileAssemblyScript({ path })).wasm;
}
