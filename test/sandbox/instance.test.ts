import { describe, expect, test } from 'vitest';
import { FUEL_RECORD_BYTES, LOG_BYTES_PER_CALL_MAX } from '../../host/limits.ts';
import { createSandbox } from '../../host/sandbox/create-sandbox.ts';
import { AMPLE_LIMITS, failureOf, numberRows, startGuest } from '../kit/guest-runs.ts';
import {
  addBuffer,
  finishGuest,
  type GuestFunctionParts,
  guestOf,
  type HandMadeGuest,
  handMadeGuest,
  INPUT_ADDRESS,
  NUMBERS_ROW_BYTES,
} from '../kit/hand-made-guest.ts';
import { op, TYPE } from '../kit/wasm-builder.ts';

const { i32 } = TYPE;

/** Emits the input as it came: the parameters are address, length and count. */
const echo = ({ emit }: HandMadeGuest, last = 1) => [
  op.get(0),
  op.get(1),
  op.get(2),
  op.i32(last),
  op.call(emit),
];

const mapOf = (code: readonly (readonly number[])[]): GuestFunctionParts => ({
  kind: 'map',
  code: [...code, op.i32(0)],
});

const one = numberRows([1, 2, 3]);

describe('a call', () => {
  test('gives back what the guest emitted last, in guest memory', async () => {
    const { instance } = await startGuest(guestOf((guest) => ({ f: mapOf(echo(guest)) })));
    const rows = numberRows([1, 2, 3], [4, 5, 6]);
    const output = instance.run('f', rows);
    expect(output.count).toBe(2);
    expect(output.bytes).toEqual(rows.bytes);
    expect(output.bytes.buffer.byteLength).toBe(instance.memoryBytes);
  });

  test('gives back runs emitted one by one, in order, copied', async () => {
    const { instance } = await startGuest(
      guestOf((guest) => ({
        f: {
          kind: 'flatMap',
          code: [
            ...echo(guest, 0),
            // The first number of the first row changes after the copy was made.
            ...[op.get(0), op.i32(99), op.store(16)],
            ...echo(guest, 1),
            op.i32(0),
          ],
        },
      })),
    );
    const output = instance.run('f', one);
    expect(output.count).toBe(2);
    const view = new DataView(output.bytes.buffer, output.bytes.byteOffset);
    expect([view.getInt32(16, true), view.getInt32(NUMBERS_ROW_BYTES + 16, true)]).toEqual([1, 99]);
  });

  test('may emit nothing, and may be given nothing', async () => {
    const { instance } = await startGuest(
      guestOf((guest) => ({ f: { kind: 'filter', code: [op.i32(0)] }, g: mapOf(echo(guest)) })),
    );
    expect(instance.run('f', one)).toEqual({ bytes: new Uint8Array(0), count: 0 });
    expect(instance.run('g', numberRows())).toEqual({ bytes: new Uint8Array(0), count: 0 });
  });

  test('reports the fuel it used, the same each time', async () => {
    const { instance } = await startGuest(guestOf((guest) => ({ f: mapOf(echo(guest)) })));
    instance.run('f', one);
    const fuel = instance.lastFuel;
    expect(fuel).toBeGreaterThan(0);
    for (let i = 0; i < 3; i++) {
      instance.run('f', one);
      expect(instance.lastFuel).toBe(fuel);
    }
  });

  test('asks for an input area once, and again only when more is needed', async () => {
    const guest = handMadeGuest(64);
    const { builder } = guest;
    builder.global(i32, true, op.i32(0));
    const count = [op.globalGet(0), op.i32(1), op.add, op.globalSet(0)];
    const buffer = builder.function({
      params: [i32],
      results: [i32],
      code: [...count, op.i32(65_536)],
    });
    builder.exported('mr_buffer', 'function', buffer);
    const tell = [op.get(0), op.globalGet(0), op.store(16)];
    const upload = finishGuest(guest, { f: mapOf([...tell, ...echo(guest)]) });
    const { instance } = await startGuest(upload);
    const asked = (rows: number) => {
      const { bytes } = instance.run('f', numberRows(...Array.from({ length: rows }, () => [7])));
      return new DataView(bytes.buffer, bytes.byteOffset).getInt32(16, true);
    };
    expect([asked(1), asked(2), asked(700), asked(3000), asked(1)]).toEqual([1, 1, 1, 2, 2]);
  });

  test('sees memory that grew while it ran', async () => {
    const { instance } = await startGuest(
      guestOf((guest) => ({ f: mapOf([op.i32(3), op.grow, op.drop, ...echo(guest)]) })),
    );
    expect(instance.run('f', one).bytes).toEqual(one.bytes);
    expect(instance.memoryBytes).toBe(7 * 65_536);
  });

  test('cannot grow memory past the limit of the step', async () => {
    const upload = guestOf((guest) => ({
      f: mapOf([op.get(0), op.i32(5), op.grow, op.store(16), ...echo(guest)]),
    }));
    const { instance } = await startGuest(upload, { memoryPages: 8 });
    const { bytes } = instance.run('f', one);
    expect(new DataView(bytes.buffer, bytes.byteOffset).getInt32(16, true)).toBe(-1);
  });
});

describe('an instance', () => {
  test('is refused when the module starts with more memory than the step allows', async () => {
    const sandbox = createSandbox();
    const module = await sandbox.compile(guestOf(() => ({})));
    const limits = { ...AMPLE_LIMITS, memoryPages: 3 };
    const error = failureOf(() => sandbox.instantiate(module, limits, () => {}));
    expect(error.code).toBe('MODULE_REFUSED');
    expect(error.message).toBe('module starts with 4 pages of memory, limit 3');
  });

  test('runs its start function and _initialize once, in this order', async () => {
    const guest = handMadeGuest();
    addBuffer(guest);
    const { builder, log } = guest;
    builder.data(8, [97, 98]);
    const say = (at: number) => [op.i32(1), op.i32(at), op.i32(1), op.call(log)];
    builder.start(builder.function({ code: say(8) }));
    builder.exported('_initialize', 'function', builder.function({ code: say(9) }));
    const { log: lines } = await startGuest(finishGuest(guest, {}));
    expect(lines).toEqual(['info: a', 'info: b']);
  });

  test('fails when its start traps, runs out of fuel or emits', async () => {
    const start = async (code: (guest: HandMadeGuest) => readonly (readonly number[])[]) => {
      const guest = handMadeGuest();
      addBuffer(guest);
      guest.builder.start(guest.builder.function({ code: code(guest) }));
      const sandbox = createSandbox();
      const module = await sandbox.compile(finishGuest(guest, {}));
      return failureOf(() => sandbox.instantiate(module, AMPLE_LIMITS, () => {}));
    };
    expect(await start(() => [op.unreachable])).toMatchObject({
      code: 'GUEST_TRAP',
      message: 'the start of the module trapped: unreachable',
    });
    expect((await start(() => [op.loop(op.br(0))])).code).toBe('FUEL_EXHAUSTED');
    const emits = [op.i32(0), op.i32(0), op.i32(0), op.i32(0)];
    expect((await start(({ emit }) => [...emits, op.call(emit)])).code).toBe('ABI_VIOLATION');
  });

  test('fails when a data segment lies outside its memory', async () => {
    const guest = handMadeGuest(1);
    addBuffer(guest);
    guest.builder.data(65_535, [1, 2]);
    await expect(startGuest(finishGuest(guest, {}))).rejects.toMatchObject({ code: 'GUEST_TRAP' });
  });

  test.each([
    'then',
    '__proto__',
    'constructor',
    'toString',
    'catch',
  ])('is not harmed by an export named %s', async (name) => {
    const guest = handMadeGuest();
    addBuffer(guest);
    const { builder } = guest;
    builder.exported(name, 'function', builder.function({ code: [op.unreachable] }));
    const { instance } = await startGuest(finishGuest(guest, { f: mapOf(echo(guest)) }));
    expect(instance.run('f', one).count).toBe(1);
  });

  test('runs functions whose names are those of object members', async () => {
    const { instance } = await startGuest(
      guestOf((guest) => ({ constructor: mapOf(echo(guest)), toString: mapOf(echo(guest)) })),
    );
    expect(instance.run('constructor', one).count).toBe(1);
    expect(() => instance.run('hasOwnProperty', one)).toThrow(/no function "hasOwnProperty"/);
  });
});

describe('a failed call', () => {
  const failing = async (parts: (guest: HandMadeGuest) => GuestFunctionParts, limits = {}) => {
    const { instance } = await startGuest(
      guestOf((guest) => ({ f: parts(guest) })),
      limits,
    );
    return { instance, error: failureOf(() => instance.run('f', one)) };
  };

  test('says why the guest trapped and where in the upload', async () => {
    const code = [op.i32(1), op.i32(0), op.div, op.drop];
    const upload = guestOf(() => ({ f: mapOf(code) }));
    const { instance } = await startGuest(upload);
    const error = failureOf(() => instance.run('f', one));
    expect(error.code).toBe('GUEST_TRAP');
    expect(error.scope).toBe('record');
    expect(error.message).toBe('function "f" trapped: divide by zero');
    const [, index, offset] = /wasm-function\[(\d+)\]:0x([0-9a-f]+)/.exec(error.details[0]) ?? [];
    expect(index).toBe('4');
    // The byte of the division: the first 0x6d after the constants 1 and 0.
    const bytes = upload.subarray(Number.parseInt(offset, 16) - 4);
    expect([...bytes.subarray(0, 5)]).toEqual([0x41, 1, 0x41, 0, 0x6d]);
  });

  test('kills the instance', async () => {
    const { instance } = await failing(() => mapOf([op.unreachable]));
    const again = failureOf(() => instance.run('f', one));
    expect(again.code).toBe('GUEST_TRAP');
    expect(again.message).toMatch(/the instance is dead/);
  });

  test('names budget and rows when fuel ran out', async () => {
    const { instance, error } = await failing(() => mapOf([op.loop(op.br(0))]), {
      fuelPerRecord: 5000,
    });
    expect(error.code).toBe('FUEL_EXHAUSTED');
    expect(error.message).toBe('function "f" used more than its 5000 fuel on 1 rows');
    expect(error.hint).toMatch(/fuelPerRecord/);
    expect(instance.lastFuel).toBe(5000);
  });

  test('had the fuel of several records when the record is long', async () => {
    const { instance } = await startGuest(
      guestOf(() => ({ f: mapOf([op.loop(op.br(0))]) })),
      { fuelPerRecord: 5000 },
    );
    const rows = Math.ceil((3 * FUEL_RECORD_BYTES) / one.bytes.length);
    const bytes = Buffer.concat(Array.from({ length: rows }, () => one.bytes));
    // What the bytes are does not matter to a guest that never looks: they stand for one long record.
    const error = failureOf(() => instance.run('f', { bytes, count: 1 }));
    expect(error.message).toBe('function "f" used more than its 15000 fuel on 1 rows');
  });

  test('names the depth when calls nested too deep', async () => {
    const guest = handMadeGuest();
    addBuffer(guest);
    const self = guest.builder.function({ code: [op.call(4)] });
    expect(self).toBe(4);
    const upload = finishGuest(guest, { f: mapOf([op.call(self)]) });
    const { instance } = await startGuest(upload);
    const error = failureOf(() => instance.run('f', one));
    expect(error.code).toBe('GUEST_TRAP');
    expect(error.message).toBe('function "f" trapped: calls nested deeper than 512');
  });

  test('says what broke the ABI', async () => {
    const { error } = await failing(() => ({ kind: 'map', code: [op.i32(3)] }));
    expect(error.code).toBe('ABI_VIOLATION');
    expect(error.message).toBe('function "f": the call returned 3, expected 0');
  });

  test('that emitted more than its limit is an output limit', async () => {
    const flood = ({ emit }: HandMadeGuest): GuestFunctionParts => ({
      kind: 'flatMap',
      code: [
        op.loop(op.get(0), op.get(1), op.get(2), op.i32(0), op.call(emit), op.br(0)),
        op.i32(0),
      ],
    });
    const { error } = await failing(flood, { outputBytes: 10 * NUMBERS_ROW_BYTES });
    expect(error.code).toBe('OUTPUT_LIMIT');
    expect(error.message).toMatch(/880 bytes in one call, limit 800/);
  });
});

describe('the log', () => {
  const logging = (length: number, bytes: readonly number[] = []) => {
    const guest = handMadeGuest();
    addBuffer(guest);
    guest.builder.data(INPUT_ADDRESS * 8, bytes);
    const say = [op.i32(2), op.i32(INPUT_ADDRESS * 8), op.i32(length), op.call(guest.log)];
    return startGuest(finishGuest(guest, { f: mapOf([...say, ...say, ...echo(guest)]) }));
  };

  test('gets text with what does not print escaped', async () => {
    const text = [...new TextEncoder().encode('a\n\u001b[31m\u202e\\'), 0xff];
    const { instance, log } = await logging(text.length, text);
    instance.run('f', one);
    expect(log[0]).toBe('warn: a\\n\\u{1b}[31m\\u{202e}\\\\\ufffd');
  });

  test('gets no more than its limit a call, and is told what was dropped', async () => {
    const { instance, log } = await logging(LOG_BYTES_PER_CALL_MAX - 10);
    for (let call = 0; call < 2; call++) {
      log.length = 0;
      instance.run('f', one);
      expect(log).toHaveLength(3);
      expect(log[2]).toBe(
        `warn: ${LOG_BYTES_PER_CALL_MAX - 20} bytes of log text dropped, limit ${LOG_BYTES_PER_CALL_MAX} a call`,
      );
    }
  });

  test('of text outside memory is a breach', async () => {
    const { instance } = await logging(1 << 30);
    expect(failureOf(() => instance.run('f', one)).code).toBe('ABI_VIOLATION');
  });
});
