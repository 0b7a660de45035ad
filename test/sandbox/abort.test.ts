import asc from 'assemblyscript/asc';
import { beforeAll, describe, expect, test } from 'vitest';
import { abortMessage } from '../../host/sandbox/abort-message.ts';
import { failureOf, numberRows, startGuest } from '../kit/guest-runs.ts';
import { NUMBERS } from '../kit/hand-made-guest.ts';

const SOURCE = `
@external("millrace", "emit") declare function emit(at: usize, length: i32, count: i32, last: i32): void;
const area = heap.alloc(1 << 16);
export function mr_buffer(bytes: i32): usize { return area; }
export function mr_check(at: usize, length: i32, count: i32): i32 {
  const list = [1, 2, 3];
  const index = load<i32>(at, 16);
  if (index == 100) throw new Error("no\\n\\u001b such row");
  emit(at, length, count, list[index] > 0 ? 1 : 0);
  return 0;
}`;

const SECTION = JSON.stringify({
  abi: 1,
  sdk: 'test',
  records: [NUMBERS],
  functions: [{ name: 'check', kind: 'map', input: NUMBERS.name, output: NUMBERS.name }],
});

/** Compiles `SOURCE` and appends the section that describes it. */
async function compileGuest(): Promise<Uint8Array> {
  const outputs = new Map<string, Uint8Array>();
  const options = ['guest.ts', '-o', 'out.wasm', '--runtime', 'stub', '-O1', '--debug'];
  const { error, stderr } = await asc.main(options, {
    readFile: (name: string) => (name === 'guest.ts' ? SOURCE : null),
    writeFile: (name: string, contents: Uint8Array | string) => {
      if (typeof contents !== 'string') outputs.set(name, contents);
    },
    listFiles: () => [],
  });
  const wasm = outputs.get('out.wasm');
  if (error !== null || wasm === undefined) throw new Error(stderr.toString(), { cause: error });
  const name = Buffer.from('\u0008millrace');
  const content = Buffer.concat([name, Buffer.from(SECTION)]);
  const size = [(content.length & 0x7f) | 0x80, content.length >> 7];
  return Buffer.concat([wasm, Buffer.from([0, ...size]), content]);
}

describe('an abort', () => {
  let upload: Uint8Array;
  beforeAll(async () => {
    upload = await compileGuest();
  });

  test('ends the call with its message and its place in the source, escaped', async () => {
    const { instance } = await startGuest(upload);
    expect(instance.run('check', numberRows([2])).count).toBe(1);
    const error = failureOf(() => instance.run('check', numberRows([100])));
    expect(error.code).toBe('GUEST_TRAP');
    expect(error.message).toBe(
      'function "check" trapped: abort: no\\n\\u{1b} such row, at guest.ts:8:21',
    );
    expect(error.details[0]).toMatch(/^at guest\/mr_check \(wasm-function\[\d+\]:0x[0-9a-f]+\)$/);
  });

  test('of the library names the file in the library', async () => {
    const { instance } = await startGuest(upload);
    const error = failureOf(() => instance.run('check', numberRows([7])));
    expect(error.message).toMatch(/abort: Index out of range, at ~lib\/array.ts:\d+:\d+/);
  });

  test('with addresses that hold no string says only what it can', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    new DataView(memory.buffer).setUint32(96, 0xffff_fff0, true);
    for (const pointer of [0, 4, 100, 101, 65_530, 65_536, -8, 0x7fff_fffe]) {
      const pointers = { message: pointer, file: pointer };
      const message = abortMessage(memory, pointers, { line: 3, column: -1 });
      expect(message).toBe('at unknown file:3:4294967295');
    }
  });
});
