import { type ErrorReport, MillraceError } from '../errors.ts';
import { RUNNER_LINE_BYTES_MAX } from '../limits.ts';
import type { PeekRequest } from './peek.ts';
import type { JobEvent, UpdateRequest } from './running-job.ts';
import type { SavepointRequest } from './savepoint.ts';

/**
 * What a runner process and its clients say to each other: one JSON object a line over a Unix domain socket.
 *
 *     runner  →  hello                    first, on every connection
 *     client  →  request  (id)            any number under way at once
 *     runner  →  answer | refusal (id)    one per request, in any order
 *     runner  →  event                    every change, to every client, from its connection on
 */
export type ClientMessage = RunnerRequest;

export interface RunnerRequest {
  readonly kind: 'request';
  readonly id: number;
  readonly method: RunnerMethod;
  /** Only of `update`. */
  readonly update?: UpdateRequest;
  /** Of `savepoint`, and of `stop` when it is to leave one. */
  readonly savepoint?: SavepointRequest;
  /** Only of `peek`. */
  readonly peek?: PeekRequest;
}

/** What can be asked of a runner: whether it lives, and the methods of `RunningJob`. */
export const RUNNER_METHODS = [
  'ping',
  'status',
  'checkpoint',
  'savepoint',
  'stop',
  'cancel',
  'update',
  'metrics',
  'peek',
  'pause',
  'resume',
] as const;

export type RunnerMethod = (typeof RUNNER_METHODS)[number];

export type RunnerMessage =
  | { readonly kind: 'hello'; readonly job: string; readonly attempt: number; readonly pid: number }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: ErrorReport }
  | { readonly kind: 'event'; readonly event: JobEvent };

/** A message as the line that is sent. */
export function encodeMessage(message: ClientMessage | RunnerMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/**
 * Cuts a byte stream into lines and parses each. The returned function takes the chunks as they come; it throws
 * `RUNNER_LOST` when what comes is not the protocol, after which the connection is of no use.
 */
export function createMessageReader<Message extends { readonly kind: string }>(
  onMessage: (message: Message) => void,
): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let pendingBytes = 0;
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      pendingBytes = 0;
      start = end + 1;
      onMessage(parseMessage<Message>(line));
    }
    if (start === chunk.length) return;
    parts.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > RUNNER_LINE_BYTES_MAX)
      throw broken(`a line exceeds ${RUNNER_LINE_BYTES_MAX} bytes`);
  };
}

function parseMessage<Message extends { readonly kind: string }>(line: string): Message {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw broken('a line is not JSON');
  }
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (typeof kind !== 'string') throw broken('a line has no kind');
  return value as Message;
}

function broken(reason: string): MillraceError {
  return new MillraceError(
    'RUNNER_LOST',
    `the runner's socket does not speak the protocol: ${reason}`,
    {
      hint: 'was the runner started by another version of Millrace?',
    },
  );
}
