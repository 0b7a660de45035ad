import { expect, test } from 'vitest';
import { serverEvents, takeEvents } from '../kit/sse.ts';
import { json } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import { type Job, reaches, show, startWordCountServer, submit } from '../kit/word-count-server.ts';

/** Processes start one after the other; a busy machine needs its time for that. */
const SLOW = { timeout: 90_000 };

const PIPELINE = `
name: count
checkpoint: { every: 100ms }
modules: { text: text@1 }
sources: { lines: { connector: http, format: lines } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: memory } }
`;

async function start() {
  const around = await startWordCountServer();
  const { server } = around;
  const id = await submit(around, PIPELINE);
  await reaches(server, id, 'running');
  const send = (text: string) =>
    server.request(`/v1/jobs/${id}/sources/lines/records`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: text,
    });
  const url = `${server.url}/v1/jobs/${id}/sinks/out/records`;
  return { server, id, send, url };
}

const words = (n: number) => Array.from({ length: n }, () => 'a').join(' ');
const counts = (events: readonly { readonly data: string }[]) =>
  events.map(({ data }) => JSON.parse(data).count);
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);

test(
  'committed records come as events, as they are committed, and go on behind the last id',
  SLOW,
  async () => {
    const { server, id, send, url } = await start();
    await send(words(5));
    const first = await takeEvents(serverEvents(url), 5);
    expect(counts(first)).toEqual([1, 2, 3, 4, 5]);
    expect(JSON.parse(first[0].data)).toEqual({ word: 'a', count: 1 });
    await send(words(5));
    const lastId = String(first[2].id);
    const resumed = await takeEvents(serverEvents(url, { 'last-event-id': lastId }), 7);
    expect(counts(resumed)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    await server.request(`/v1/jobs/${id}/sources/lines/end`, { method: 'POST' });
    await reaches(server, id, 'finished');
    const all = [];
    for await (const event of serverEvents(url)) all.push(event);
    expect(counts(all)).toEqual(upTo(10));
  },
);

test('each committed record comes once, though runners die', SLOW, async () => {
  const { server, id, send, url } = await start();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const event of serverEvents(url)) seen.push(JSON.parse(event.data).count);
  })();
  let sent = 0;
  for (let death = 0; death < 3; death++) {
    const { pid, attempt } = await until('a runner', async () => {
      const job: Job = await show(server, id);
      return job.pid !== null && job.state === 'running' && job;
    });
    await send(words(50));
    sent += 50;
    await until('something new is committed', () => seen.length > sent - 50);
    await send(words(50));
    sent += 50;
    process.kill(Number(pid), 'SIGKILL');
    await until('the next attempt', async () => (await show(server, id)).attempt > attempt);
  }
  await server.request(`/v1/jobs/${id}/sources/lines/end`, { method: 'POST' });
  await reaches(server, id, 'finished');
  await reading;
  expect(seen).toEqual(upTo(sent));
});

test(
  'an id that is no place, or one that is not kept, begins at the oldest record, after a word of it',
  SLOW,
  async () => {
    const { send, url } = await start();
    await send(words(3));
    expect(counts(await takeEvents(serverEvents(url), 3))).toEqual([1, 2, 3]);
    const odd = await takeEvents(serverEvents(url, { 'last-event-id': 'nonsense' }), 3);
    expect(counts(odd)).toEqual([1, 2, 3]);
    const [gap, ...rest] = await takeEvents(serverEvents(url, { 'last-event-id': '8-1' }), 4);
    expect(gap.event).toBe('gap');
    expect(counts(rest)).toEqual([1, 2, 3]);
  },
);

test('only memory sinks can be followed', SLOW, async () => {
  const { server, id } = await start();
  for (const sink of ['lines', 'counts', 'none', '..%2f..']) {
    const error = await server.refusal(`/v1/jobs/${id}/sinks/${sink}/records`, {
      headers: { accept: 'text/event-stream' },
    });
    expect(error).toMatchObject({ status: 404, code: 'SINK_NOT_FOUND' });
  }
  expect(await server.refusal('/v1/jobs/none/sinks/out/records', json({}, 'POST'))).toMatchObject({
    code: 'ROUTE_NOT_FOUND',
  });
});
