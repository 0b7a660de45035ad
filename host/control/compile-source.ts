import { fileURLToPath } from 'node:url';
import {
  COMPILE_RSS_BYTES_MAX,
  COMPILE_TIMEOUT_MS,
  COMPILED_BYTES_MAX,
} from '../admission-limits.ts';
import { type ErrorReport, MillraceError } from '../errors.ts';
import type { ModuleUpload } from './catalog.ts';
import { type ChildLimits, runFencedChild } from './fenced-child.ts';
import { createMutex } from './mutex.ts';

/** Compiles a stranger's AssemblyScript. Throws `COMPILE_FAILED`. */
export type CompileSource = (source: {
  readonly source: string;
  readonly name: string;
}) => Promise<ModuleUpload>;

/** What the child answers. */
export type CompileResult =
  | { readonly ok: true; readonly wasm: string }
  | { readonly ok: false; readonly error: ErrorReport };

const LIMITS: ChildLimits = {
  timeoutMs: COMPILE_TIMEOUT_MS,
  residentBytesMax: COMPILE_RSS_BYTES_MAX,
  answerBytesMax: COMPILED_BYTES_MAX,
};

const PROGRAM = fileURLToPath(new URL('./compile-child.ts', import.meta.url));
const FLAGS = ['--max-old-space-size=512'];

/** A compiler in a process of its own for each source, one at a time: source can make it run for ever or take all memory. */
export function createCompileSource(limits: Partial<ChildLimits> = {}): CompileSource {
  const oneAtATime = createMutex();
  const child = { program: PROGRAM, flags: FLAGS, limits: { ...LIMITS, ...limits } };
  return ({ source, name }) =>
    oneAtATime(async () => {
      const input = JSON.stringify({ source, name });
      const { text, killed } = await runFencedChild({ ...child, input });
      return decode(name, text, killed);
    });
}

function decode(name: string, text: string, fenced: string | undefined): ModuleUpload {
  let result: CompileResult;
  try {
    result = JSON.parse(text) as CompileResult;
  } catch {
    const reason = fenced ?? 'ended without a result';
    throw new MillraceError('COMPILE_FAILED', `compiling "${name}" ${reason}`, {
      hint: 'compile it on your own machine with "millrace build" and upload the module',
    });
  }
  if (!result.ok) throw MillraceError.fromReport(result.error);
  return { wasm: Buffer.from(result.wasm, 'base64') };
}
