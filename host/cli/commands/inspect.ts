import { resolve } from 'node:path';
import { gate } from '../../sandbox/gate.ts';
import type { CommandContext } from '../command-parts.ts';
import { loadModuleFile } from '../module-file.ts';
import { formatModule } from '../module-text.ts';

/** `millrace inspect FILE`: what a module is, or every finding of the gate as an error. */
export async function inspect(context: CommandContext, file: string): Promise<void> {
  const upload = await loadModuleFile(resolve(context.workingDirectory, file));
  const report = gate(upload);
  const { rewritten, ...rest } = report;
  context.terminal.out(
    context.json
      ? `${JSON.stringify({ ...rest, bytes: upload.length, rewrittenBytes: rewritten.length })}\n`
      : formatModule(report, upload.length),
  );
}
