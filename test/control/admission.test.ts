import { describe, expect, onTestFinished, test } from 'vitest';
import { createGateThread, type GateThread } from '../../host/control/gate-thread.ts';
import { createLanes } from '../../host/control/lanes.ts';
import { createTryUpload } from '../../host/control/try-upload.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { carriedModules } from '../kit/carried-modules.ts';
import { enlargedModule } from '../kit/enlarged-module.ts';
import { guestWith, utf8 } from '../kit/gate-refusal.ts';
import { guestOf } from '../kit/hand-made-guest.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer, wasm } from '../kit/test-server.ts';
import { unmetered } from '../kit/unmetered.ts';
import { op } from '../kit/wasm-builder.ts';

const FOREVER = op.loop(op.br(0));
const hangs = () => guestOf(() => ({ hang: { kind: 'flatMap', code: [FOREVER, op.i32(0)] } }));
const startsWith = (...code: (readonly number[])[]) =>
  guestWith((builder) => void builder.start(builder.function({ code })));

function gateThread(timeoutMs?: number): GateThread {
  const thread = createGateThread(timeoutMs);
  onTestFinished(() => thread.close());
  return thread;
}

/** A guest of about a MiB, most of it code that a compiler wrote. */
function largeModule(): Uint8Array {
  const [first] = carriedModules().filter(({ bytes }) => bytes.length > 50_000);
  return enlargedModule(first.bytes, Math.floor(2 ** 20 / first.bytes.length));
}

describe('the gate in its thread', () => {
  test('says what the gate says, of good uploads and of bad ones', async () => {
    const { gate: gateUpload } = gateThread();
    const good = guestWith(() => {});
    expect(await gateUpload(good)).toEqual(gate(good));
    for (const bad of [utf8('hello'), new Uint8Array(0), good.subarray(0, 60)]) {
      await expect(gateUpload(bad)).rejects.toMatchObject({ code: 'MODULE_MALFORMED' });
    }
  });

  test('leaves the thread of the caller alone', async () => {
    const { gate: gateUpload } = gateThread();
    const upload = largeModule();
    // Refused for what it imports, after all of it was read and validated.
    const gated = () => expect(gateUpload(upload)).rejects.toMatchObject({ code: /MODULE_/ });
    const here = () => expect(() => gate(upload)).toThrow();
    await gated();
    here();
    const milliseconds = async (work: () => unknown): Promise<number> => {
      const before = process.threadCpuUsage();
      for (let i = 0; i < 10; i++) await work();
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1_000;
    };
    const inThread = await milliseconds(gated);
    expect(inThread).toBeLessThan((await milliseconds(here)) / 2);
  });

  test('ends what takes too long, and gates on', async () => {
    const { gate: gateUpload } = gateThread(1);
    for (let i = 0; i < 2; i++) {
      await expect(gateUpload(largeModule())).rejects.toMatchObject({
        code: 'MODULE_NOT_ADMITTED',
        message: 'the gate needed more than 0.001 s for the module',
      });
    }
  });
});

test('lanes are taken in turn, and so many may wait', async () => {
  const lanes = createLanes(2, 3);
  const order: number[] = [];
  const ends: (() => void)[] = [];
  const started = (id: number) =>
    lanes(() => {
      order.push(id);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const running = [0, 1, 2, 3, 4].map(started);
  await expect(started(5)).rejects.toMatchObject({ code: 'UPLOADS_BUSY', status: 503 });
  expect(order).toEqual([0, 1]);
  for (let i = 0; i < running.length; i++) {
    ends[i]();
    await running[i];
  }
  expect(order).toEqual([0, 1, 2, 3, 4]);
  await expect(lanes(() => Promise.reject(new Error('once')))).rejects.toThrow('once');
  expect(await lanes(async () => 'free')).toBe('free');
});

describe('a module that is tried in a process', () => {
  const tryUpload = createTryUpload();

  test('is reported with fuel for each record', async () => {
    const counts = guestOf(() => ({
      work: { kind: 'flatMap', code: [op.get(2), op.drop, op.i32(0)] },
      never: { kind: 'flatMap', code: [op.unreachable] },
    }));
    const report = await tryUpload(gate(counts));
    expect(report.functions).toMatchObject([
      { name: 'work', records: 12, failed: 0, failure: null },
      {
        name: 'never',
        failed: 4,
        fuelPerRecord: null,
        failure: expect.stringMatching(/GUEST_TRAP/),
      },
    ]);
    expect(report.functions[0].fuelPerRecord).toBeGreaterThan(0);
    expect(report.memoryBytes).toBe(4 * 65_536);
  });

  test.each([
    ['traps', [op.unreachable], /does not start: the start of the module trapped: unreachable/],
    ['never ends', [FOREVER], /does not start: the start of the module used more than/],
  ])('is refused when its start %s', async (_what, code, message) => {
    await expect(tryUpload(gate(startsWith(...code)))).rejects.toMatchObject({
      code: 'MODULE_NOT_ADMITTED',
      message: expect.stringMatching(message),
    });
  });

  test('is let in with a report when a function never ends', async () => {
    const { functions } = await tryUpload(gate(hangs()));
    expect(functions).toMatchObject([{ failed: 4, failure: expect.stringMatching(/^FUEL_EXH/) }]);
  });

  test('is killed at the limit of time when nothing else stops it', async () => {
    const hasty = createTryUpload({ timeoutMs: 1_500 });
    for (const runaway of [hangs(), startsWith(FOREVER)]) {
      await expect(hasty(unmetered(runaway))).rejects.toMatchObject({
        code: 'MODULE_NOT_ADMITTED',
        message: 'the module took longer than 1.5 s',
      });
    }
    expect((await tryUpload(gate(guestWith(() => {})))).functions).toHaveLength(1);
  });

  test('is killed at the limit of memory', async () => {
    const narrow = createTryUpload({ residentBytesMax: 2 ** 20 });
    await expect(narrow(unmetered(hangs()))).rejects.toMatchObject({
      code: 'MODULE_NOT_ADMITTED',
      message: expect.stringMatching(/^the module (needed more than 1 MiB|ended the process)/),
    });
  });
});

test('a server refuses what cannot start, keeps nothing of it, and shows the report of what can', async () => {
  const server = await startTestServer(temporaryDirectory());
  const refused = await server.refusal('/v1/modules/bad', wasm(startsWith(FOREVER), 'POST'));
  expect(refused).toMatchObject({ status: 422, code: 'MODULE_NOT_ADMITTED' });
  expect(await server.request('/v1/modules')).toEqual({ modules: [] });
  const admission = {
    wasmFunctions: 2,
    functions: [{ name: 'hang', records: 4, failed: 4, failure: expect.stringMatching(/FUEL/) }],
  };
  const upload = wasm(hangs(), 'POST');
  expect(await server.request('/v1/modules/slow', upload)).toMatchObject({ admission });
  expect(await server.request('/v1/modules/slow/versions/1')).toMatchObject({ admission });
});
