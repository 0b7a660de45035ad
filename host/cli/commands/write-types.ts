import { writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { gate } from '../../sandbox/gate.ts';
import type { CommandContext } from '../command-parts.ts';
import { loadModuleFile, moduleNameOf } from '../module-file.ts';
import { typeText } from '../type-text.ts';

/** `millrace types FILE [-o OUT.d.ts]`: a module's records and functions as TypeScript, for pipelines built with `pipeline(…)`. */
export async function writeTypes(
  context: CommandContext,
  file: string,
  options: { readonly output?: string },
): Promise<void> {
  const { description } = gate(await loadModuleFile(resolve(context.workingDirectory, file)));
  const text = typeText(moduleNameOf(file), description);
  if (options.output === undefined) {
    context.terminal.out(context.json ? `${JSON.stringify({ types: text })}\n` : text);
    return;
  }
  const target = resolve(context.workingDirectory, options.output);
  await writeFile(target, text);
  const { records, functions } = description;
  const shown = relative(context.workingDirectory, target);
  context.terminal.out(
    context.json
      ? `${JSON.stringify({ output: target, records: records.length, functions: functions.length })}\n`
      : `${shown}  ${records.length} records, ${functions.length} functions\n`,
  );
}
