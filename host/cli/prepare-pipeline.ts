import { extname, resolve } from 'node:path';
import { checkPipeline, type Pipeline, readPipeline } from '../dataflow/pipeline.ts';
import { setPath } from '../dataflow/set-path.ts';
import type { CommandContext } from './command-parts.ts';
import { uploadModule } from './commands/modules.ts';
import { loadModuleFile, moduleNameOf } from './module-file.ts';

export interface PipelineFile {
  readonly text: string;
  /** Where the document stands: its relative paths are taken from here. */
  readonly directory: string;
  /** `path=value` overrides, from `--set`. */
  readonly set: readonly string[];
}

/** The document with its overrides, checked. */
export function readPipelineFile(file: PipelineFile): Pipeline {
  const document = readPipeline(file.text);
  if (file.set.length === 0) return document;
  return checkPipeline(file.set.reduce<unknown>((value, text) => setPath(value, text), document));
}

/** Makes a document that a server can run: modules given as files are uploaded and replaced by their catalog versions. */
export async function preparePipeline(
  context: CommandContext,
  file: PipelineFile,
): Promise<Pipeline> {
  const document = readPipelineFile(file);
  const modules: Record<string, string> = {};
  for (const [alias, ref] of Object.entries(document.modules ?? {})) {
    modules[alias] = isFile(ref) ? await push(context, resolve(file.directory, ref)) : ref;
  }
  return { ...document, modules };
}

/** Whether a module is given as a file rather than as a catalog version. */
export function isFile(ref: string): boolean {
  return ['.wasm', '.ts'].includes(extname(ref));
}

async function push(context: CommandContext, path: string): Promise<string> {
  const pushed = await uploadModule(context, moduleNameOf(path), await loadModuleFile(path));
  return `${pushed.name}@${pushed.version}`;
}
