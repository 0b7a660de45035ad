import { expect, test } from 'vitest';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer, wasm } from '../kit/test-server.ts';
import { ZOO } from './zoo/zoo.ts';

/** Every how many of the modules that have to be tried is uploaded; `MILLRACE_FUZZ_RUNS` asks for all. */
const STEP = process.env.MILLRACE_FUZZ_RUNS === undefined ? 6 : 1;
/** Milliseconds of work in one turn of the server's event loop. */
const TURN_MS_MAX = 50;

/** The most this thread worked between two turns of its event loop. The time that others take from it does not count. */
function watchTurns(): { longestMs(): number } {
  let longest = 0;
  let before = process.threadCpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.threadCpuUsage(before);
    longest = Math.max(longest, (user + system) / 1_000);
    before = process.threadCpuUsage();
  }, 1);
  return {
    longestMs() {
      clearInterval(timer);
      return longest;
    },
  };
}

test('a server lives through uploads of the zoo, and works on none of them for long', async () => {
  const server = await startTestServer(temporaryDirectory());
  const refused = ZOO.filter(({ outcome }) => outcome.kind === 'refused');
  const tried = ZOO.filter(({ outcome }) => outcome.kind !== 'refused').filter(
    (_, i) => i % STEP === 0,
  );
  const uploads = [...refused, ...tried].map(({ upload, ...rest }) => ({
    ...rest,
    bytes: upload(),
  }));
  await server.refusal('/v1/modules/warm', wasm(uploads[0].bytes, 'POST'));
  const turns = watchTurns();
  for (const { bytes, outcome, name } of uploads) {
    const response = await fetch(`${server.url}/v1/modules/zoo`, wasm(bytes, 'POST'));
    const answer = (await response.json()) as {
      code?: string;
      admission?: { functions: { failed: number }[] };
    };
    const said = [response.status < 500, answer.code];
    if (outcome.kind === 'refused') expect(said, name).toEqual([true, outcome.code]);
    else if (outcome.kind === 'unstartable')
      expect(said, name).toEqual([true, 'MODULE_NOT_ADMITTED']);
    else expect(response.status, name).toBe(201);
    if (outcome.kind === 'fails')
      expect(answer.admission?.functions[0].failed, name).toBeGreaterThan(0);
  }
  expect(turns.longestMs()).toBeLessThan(TURN_MS_MAX);
  expect(await server.request('/healthz')).toBeDefined();
}, 240_000);
