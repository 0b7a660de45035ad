import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer } from '../kit/test-server.ts';

const CONNECTIONS = 2_000;
const GONE_WITHIN_MS = 10_000;

/** Opens a connection that sends these pieces, one now and one every second, and tells when it is closed. */
function dribble(
  port: number,
  head: string,
): { readonly socket: Socket; readonly gone: Promise<number> } {
  const startedMs = performance.now();
  const socket = connect(port, '127.0.0.1', () => socket.write(head));
  const timer = setInterval(() => socket.write('a'), 1_000);
  socket.on('error', () => {});
  socket.resume();
  const gone = new Promise<number>((resolve) => {
    socket.once('close', () => {
      clearInterval(timer);
      resolve(performance.now() - startedMs);
    });
  });
  return { socket, gone };
}

test(`${CONNECTIONS} slow connections are gone within 10 s, and the service stays up meanwhile`, {
  timeout: 60_000,
}, async () => {
  const server = await startTestServer(temporaryDirectory());
  const port = Number(new URL(server.url).port);
  const kinds = [
    // Nothing but a letter now and then.
    '',
    // Headers that never end.
    'GET /v1/jobs HTTP/1.1\r\nhost: localhost\r\nx-slow: ',
    // A body that comes letter by letter.
    'POST /v1/modules/slow HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/wasm\r\ncontent-length: 100000\r\n\r\n',
    'POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/yaml\r\ntransfer-encoding: chunked\r\n\r\n4\r\nname',
  ];
  const connections = Array.from({ length: CONNECTIONS }, (_, i) => dribble(port, kinds[i % 4]));
  onTestFinished(() => {
    for (const { socket } of connections) socket.destroy();
  });
  let slowestMs = 0;
  let answered = 0;
  let over = false;
  const asking = (async () => {
    while (!over) {
      const startedMs = performance.now();
      expect(await server.request('/v1/jobs')).toEqual({ jobs: [] });
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      answered += 1;
      // One caller among others, well below what the server takes from one.
      await new Promise((next) => setTimeout(next, 2));
    }
  })();
  // Awaited below; until then a failure must not end the test run.
  asking.catch(() => {});
  const goneMs = Math.max(...(await Promise.all(connections.map(({ gone }) => gone))));
  over = true;
  await asking;
  expect(goneMs).toBeLessThan(GONE_WITHIN_MS);
  expect(answered).toBeGreaterThan(10);
  expect(slowestMs).toBeLessThan(5_000);
});
