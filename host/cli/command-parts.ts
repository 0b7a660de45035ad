import type { OutboundRange } from '../connectors/outbound.ts';
import type { ApiClient } from './api-client.ts';
import type { Terminal } from './output.ts';

/** What commands need from outside the command line. Tests hand in their own. */
export interface CommandParts {
  readonly terminal: Terminal;
  readonly workingDirectory: string;
  /** Starts the server; wired in `main.ts`, since the command line does not import the control plane. */
  serve(options: ServeOptions): Promise<RunningServer>;
  /** Bytes of a catalog module for a run without a server. */
  catalogModule(data: string, ref: string): Promise<Uint8Array>;
  /** Resolves when the user asks the command to stop (Ctrl-C, SIGTERM); again for the second time. */
  interrupted(): Promise<void>;
}

export interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly tokenFile: string | undefined;
  readonly checkpoints?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly allowOutbound?: readonly OutboundRange[] | undefined;
}

export interface RunningServer {
  readonly url: string;
  /** Stops serving. Running jobs go on. */
  close(): Promise<void>;
}

/** What a command's action gets: its parts, the server it talks to, and whether to print JSON. */
export interface CommandContext extends CommandParts {
  readonly json: boolean;
  readonly client: ApiClient;
}
