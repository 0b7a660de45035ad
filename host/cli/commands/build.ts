import { writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { compileAssemblyScript } from '../../../guest-sdk/assemblyscript/compile.ts';
import { MillraceError } from '../../errors.ts';
import { gate } from '../../sandbox/gate.ts';
import type { CommandContext } from '../command-parts.ts';
import { readInput } from '../module-file.ts';
import { formatSignature } from '../module-text.ts';
import { formatBytes } from '../table.ts';

/** `millrace build SOURCE [-o OUT.wasm]`: compiles AssemblyScript and shows that the gate accepts the result. */
export async function build(
  context: CommandContext,
  source: string,
  options: { readonly output?: string },
): Promise<void> {
  if (!source.endsWith('.ts')) {
    throw new MillraceError('USAGE', `"${source}" is not AssemblyScript source`, {
      hint: 'build takes a .ts file; modules in other languages are built with their own tools and checked with "millrace inspect"',
    });
  }
  const path = resolve(context.workingDirectory, source);
  await readInput(path);
  const target = resolve(
    context.workingDirectory,
    options.output ?? source.replace(/(?:\.udf)?\.ts$/, '.wasm'),
  );
  const { wasm, sourceMap } = await compileAssemblyScript({ path });
  const report = gate(wasm);
  await writeFile(target, wasm);
  await writeFile(`${target}.map`, sourceMap);
  if (context.json) {
    context.terminal.out(
      `${JSON.stringify({ output: target, digest: report.digest, bytes: wasm.length })}\n`,
    );
    return;
  }
  const functions = report.description.functions.map(formatSignature).join(', ');
  const shown = relative(context.workingDirectory, target);
  context.terminal.out(`${shown}  ${formatBytes(wasm.length)}  ${functions}\n`);
}
