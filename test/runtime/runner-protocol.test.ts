import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RUNNER_LINE_BYTES_MAX } from '../../host/limits.ts';
import { connectRunner } from '../../host/runtime/runner-client.ts';
import {
  type ClientMessage,
  createMessageReader,
  encodeMessage,
} from '../../host/runtime/runner-protocol.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const request = (id: number): ClientMessage => ({ kind: 'request', id, method: 'status' });

describe('the runner protocol', () => {
  test('arrives whole however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 20 }), fc.nat(50), (ids, step) => {
        const messages = ids.map(request);
        const bytes = Buffer.from(messages.map(encodeMessage).join(''));
        const received: ClientMessage[] = [];
        const read = createMessageReader<ClientMessage>((message) => received.push(message));
        for (let at = 0; at < bytes.length; at += step + 1) read(bytes.subarray(at, at + step + 1));
        expect(received).toEqual(messages);
      }),
    );
  });

  test.each([
    'nonsense\n',
    '17\n',
    'null\n',
    '{"id":1}\n',
    '{"kind":3}\n',
    '\n',
  ])('does not take %j', (text) => {
    const read = createMessageReader(() => {});
    expect(() => read(Buffer.from(text))).toThrowError(
      expect.objectContaining({ code: 'RUNNER_LOST' }),
    );
  });

  test('does not take a line without end', () => {
    const read = createMessageReader(() => {});
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const flood = () => {
      for (let bytes = 0; bytes <= RUNNER_LINE_BYTES_MAX; bytes += chunk.length) read(chunk);
    };
    expect(flood).toThrowError(expect.objectContaining({ code: 'RUNNER_LOST' }));
  });
});

describe('a client of a runner', () => {
  const spec = { id: 'job-1', attempt: 2, modules: {} };

  /** Connects to somebody who does `behave` with every connection. */
  async function connectTo(behave: (socket: Socket) => void) {
    const path = join(temporaryDirectory(), 'socket');
    const server = createServer((socket) => {
      socket.on('error', () => {});
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    return connectRunner({ socket: path, spec, remains: () => undefined });
  }
  const hello = (job: string, attempt: number) =>
    encodeMessage({ kind: 'hello', job, attempt, pid: 1 });

  test.each([
    ['another job', (socket: Socket) => socket.write(hello('job-2', 2))],
    ['another attempt', (socket: Socket) => socket.write(hello('job-1', 1))],
    ['something else', (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n')],
    ['nobody', (socket: Socket) => socket.destroy()],
    ['somebody silent', () => {}],
  ])('is not deceived by %s', { timeout: 10_000 }, async (_who, behave) => {
    await expect(connectTo(behave)).rejects.toMatchObject({ code: 'RUNNER_LOST' });
  });

  test('refuses what was under way when the runner goes', async () => {
    let peer: Socket | undefined;
    const job = await connectTo((socket) => {
      peer = socket;
      socket.write(hello('job-1', 2));
      socket.on('data', () => socket.destroy());
    });
    expect(peer).toBeDefined();
    await expect(job.checkpoint()).rejects.toMatchObject({ code: 'RUNNER_LOST' });
    await expect(job.ended).rejects.toMatchObject({ code: 'RUNNER_LOST' });
    await expect(job.status()).rejects.toMatchObject({ code: 'RUNNER_LOST' });
  });
});
