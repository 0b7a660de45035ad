import { text } from 'node:stream/consumers';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { MillraceError } from '../errors.ts';
import type { CompileResult } from './compile-source.ts';
import { writeAnswer } from './write-answer.ts';

// The program of the child that compiles a stranger's source, see `compile-source.ts`.

const { source, name } = JSON.parse(await text(process.stdin)) as {
  readonly source: string;
  readonly name: string;
};
writeAnswer(await compile());

async function compile(): Promise<CompileResult> {
  try {
    const { wasm } = await compileAssemblyScript({ source, name });
    return { ok: true, wasm: Buffer.from(wasm).toString('base64') };
  } catch (thrown) {
    return { ok: false, error: failure(thrown).report() };
  }
}

/** Source can also make the compiler itself fail, by nesting without end for example: that is the source's fault. */
function failure(thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new MillraceError('COMPILE_FAILED', `the compiler failed on "${name}": ${reason}`, {
    hint: 'look for types or expressions that nest without end',
  });
}
