import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { MillraceError } from '../errors.ts';
import { RUNNER_LINE_BYTES_MAX } from '../limits.ts';
import { isPeekRequest } from './peek.ts';
import {
  createMessageReader,
  encodeMessage,
  RUNNER_METHODS,
  type RunnerMessage,
  type RunnerRequest,
} from './runner-protocol.ts';
import type { JobEvent, JobOutcome, RunningJob } from './running-job.ts';

export interface RunnerServerOptions {
  readonly id: string;
  readonly attempt: number;
  readonly socket: string;
  /** Connections are taken at once; what is asked before the job has started is answered when it has. */
  readonly job: Promise<RunningJob>;
}

export interface RunnerServer {
  /** Tells every client how the job ended, and stops listening. */
  end(outcome: JobOutcome): Promise<void>;
}

/**
 * Makes a job that runs in this process answer on a Unix domain socket. Any number of clients may come and go; none of
 * them is needed.
 */
export async function openRunnerServer(options: RunnerServerOptions): Promise<RunnerServer> {
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    serveClient(socket, options);
  });
  await listen(server, options.socket);
  options.job.then(
    (job) =>
      job.subscribe((event) => {
        // The end is told by `end`, when it is on disk.
        if (event.kind !== 'ended') broadcast(clients, event);
      }),
    () => {},
  );
  return {
    async end(outcome) {
      broadcast(clients, { kind: 'ended', outcome });
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of clients) socket.end(() => socket.destroy());
      await closed;
    },
  };
}

function serveClient(socket: Socket, options: RunnerServerOptions): void {
  const { id, attempt, job } = options;
  // A client that dies mid-sentence is not the job's concern.
  socket.on('error', () => socket.destroy());
  send(socket, { kind: 'hello', job: id, attempt, pid: process.pid });
  const read = createMessageReader<RunnerRequest>((request) => {
    if (!Number.isSafeInteger(request.id)) return socket.destroy();
    answer(job, request).then(
      (result) => send(socket, { kind: 'answer', id: request.id, result }),
      (thrown: unknown) => {
        send(socket, {
          kind: 'refusal',
          id: request.id,
          error: MillraceError.from(thrown).report(),
        });
      },
    );
  });
  socket.on('data', (chunk) => {
    try {
      read(chunk as Buffer);
    } catch {
      socket.destroy();
    }
  });
}

async function answer(starting: Promise<RunningJob>, request: RunnerRequest): Promise<unknown> {
  const { method } = request;
  if (method === 'ping') return null;
  if (!RUNNER_METHODS.includes(method)) {
    throw new MillraceError('REQUEST_INVALID', `a runner has no method ${JSON.stringify(method)}`);
  }
  const job = await starting;
  if (method === 'savepoint') {
    if (request.savepoint === undefined) {
      throw new MillraceError('REQUEST_INVALID', 'a savepoint lacks its place');
    }
    return job.savepoint(request.savepoint);
  }
  if (method === 'stop') return job.stop(request.savepoint);
  if (method === 'peek') {
    if (isPeekRequest(request.peek)) return job.peek(request.peek);
    throw new MillraceError('REQUEST_INVALID', 'a look lacks what to look at');
  }
  if (method !== 'update') return (await job[method]()) ?? null;
  if (request.update === undefined) {
    throw new MillraceError('REQUEST_INVALID', 'an update lacks what to update');
  }
  return job.update(request.update);
}

function broadcast(clients: ReadonlySet<Socket>, event: JobEvent): void {
  for (const socket of clients) send(socket, { kind: 'event', event });
}

function send(socket: Socket, message: RunnerMessage): void {
  if (socket.destroyed || socket.writableEnded) return;
  socket.write(encodeMessage(message));
  // A client that does not read must not fill the runner's memory; it may come back.
  if (socket.writableLength > RUNNER_LINE_BYTES_MAX) socket.destroy();
}

function listen(server: Server, path: string): Promise<void> {
  // Only a dead attempt can have left a file here: a living one has been killed before this one was started.
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new MillraceError('RUNNER_LOST', `cannot listen on "${path}"`, { cause })),
    );
    server.listen(path, () => resolve());
  });
}
