import { resolve } from 'node:path';
import type { OutboundRange } from '../../connectors/outbound.ts';
import type { CommandContext } from '../command-parts.ts';

export interface ServeCommandOptions {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly tokenFile?: string;
  readonly checkpoints?: string;
  readonly tlsKey?: string;
  readonly tlsCert?: string;
  readonly allowOutbound?: readonly OutboundRange[];
}

/** `millrace serve`: runs the server until Ctrl-C. Jobs outlive it; the next server takes them up again. */
export async function serve(context: CommandContext, options: ServeCommandOptions): Promise<void> {
  const data = resolve(context.workingDirectory, options.data);
  const file = (path: string | undefined) => path && resolve(context.workingDirectory, path);
  const server = await context.serve({
    ...options,
    data,
    tokenFile: file(options.tokenFile),
    tlsKey: file(options.tlsKey),
    tlsCert: file(options.tlsCert),
  });
  // Asked for before anything is said: who reads the address may stop the server at once.
  const interrupted = context.interrupted();
  const far = options.checkpoints === undefined ? '' : `  checkpoints ${options.checkpoints}\n`;
  if (context.json) {
    context.terminal.out(`${JSON.stringify({ url: server.url, data })}\n`);
  } else {
    context.terminal.out(
      `millrace serves ${server.url}\n  data        ${data}\n${far}  reference   ${server.url}/docs\n  stop        Ctrl-C (running jobs go on)\n`,
    );
  }
  await interrupted;
  await server.close();
}
