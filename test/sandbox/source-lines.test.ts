import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type CompiledSource,
  compileAssemblyScript,
} from '../../guest-sdk/assemblyscript/compile.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { LineTable } from '../../host/sandbox/line-table.ts';
import { guestWith } from '../kit/gate-refusal.ts';
import { failureOf, startGuest } from '../kit/guest-runs.ts';
import { batchOf } from '../kit/keyed-rows.ts';

const PATH = join(import.meta.dirname, '../guest-sdk/udfs/traps.udf.ts');
const SOURCE = readFileSync(PATH, 'utf8').split('\n');
const HARMLESS = { values: [7, 8, 9], index: 0, divisor: 4, note: 'abc' };

const SPINS = `
import { map, record } from '@millrace/guest-sdk';
@record class Number { value: i32 = 0; }
@map export function spin(number: Number): Number {
  while (number.value != 1) {
    number.value = (number.value * 5) | 2;
  }
  return number;
}
`;

/** The line of the source that `file:line:column` in a message names. */
function lineNamed(message: string, file: string): number {
  const found = new RegExp(`, at ${file}:(\\d+):\\d+$`).exec(message);
  if (found === null) throw new Error(`no line in: ${message}`);
  return Number(found[1]);
}

describe('a failure of a function from AssemblyScript', () => {
  let traps: CompiledSource;
  beforeAll(async () => {
    traps = await compileAssemblyScript({ path: PATH });
  });

  test.each([
    ['element', { index: 3 }, 'item.values[item.index]'],
    ['divide', { divisor: 0 }, '100 / item.divisor'],
    ['refuse', { index: 1 }, "throw new Error('index '"],
    ['measure', { note: null }, 'item.note!'],
  ])('of %s names file, line and column', async (name, item, text) => {
    const { instance } = await startGuest(traps.wasm);
    const described = instance.module.description.functions.find((one) => one.name === name);
    const rows = batchOf(described?.input ?? { name, fields: [] }, [{ ...HARMLESS, ...item }]);
    const { message, details } = failureOf(() => instance.run(name, rows));
    expect(SOURCE[lineNamed(message, 'traps.udf.ts') - 1]).toContain(text);
    expect(details.join('\n')).toMatch(/wasm-function\[\d+\]:0x[0-9a-f]+\) traps\.udf\.ts:\d+:\d+/);
  });

  test('names the loop that used up the fuel', async () => {
    const { wasm } = await compileAssemblyScript({ source: SPINS, name: 'spins.ts' });
    const { instance } = await startGuest(wasm);
    const [{ input }] = instance.module.description.functions;
    const error = failureOf(() => instance.run('spin', batchOf(input, [{ value: 7 }])));
    expect(error.code).toBe('FUEL_EXHAUSTED');
    expect([5, 6]).toContain(lineNamed(error.message, 'spins.ts'));
  });

  test('tells nothing of where the file was', () => {
    expect(Buffer.from(traps.wasm).includes(import.meta.dirname)).toBe(false);
  });

  test('is of the same bytes wherever the file lies', async () => {
    const [one, two] = await Promise.all(
      ['a/spins.ts', '/b/c/spins.ts'].map((name) => compileAssemblyScript({ source: SPINS, name })),
    );
    expect(Buffer.from(one.wasm).equals(two.wasm)).toBe(true);
    expect(gate(one.wasm).sourceLines).toBe(true);
  });
});

describe('a table of lines', () => {
  const table = LineTable.decode(
    // Two files; 0x10 → a.ts:3:7, 0x14 → no line, 0x18 → a file of the library, line 1.
    Uint8Array.from([
      ...[1, 2, 4, 0x61, 0x2e, 0x74, 0x73, 6, 0x7e, 0x6c, 0x69, 0x62, 0x2f, 0x78, 3],
      ...[0x10, 0, 3, 7],
      ...[4, 2, 0, 0],
      ...[4, 0x7f, 0x7e, 0],
    ]),
  );

  test.each([
    [0xf, undefined],
    [0x10, { text: 'a.ts:3:7', own: true }],
    [0x13, { text: 'a.ts:3:7', own: true }],
    [0x14, undefined],
    [0x1000, { text: '~lib/x:1:7', own: false }],
  ])('knows the line of offset %i', (offset, line) => {
    expect(table?.lineOf(offset)).toEqual(line);
  });

  test('gives no lines, and no error, when it cannot be read', async () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const section of [bytes, Uint8Array.from([1, ...bytes])]) {
          const line = LineTable.decode(section)?.lineOf(20);
          expect(line === undefined || typeof line.text === 'string').toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
    const lies = [1, 1, 3, 0x1b, 0x5b, 0x6d, 0xff, 0xff, 0xff, 0xff, 0x0f];
    expect(LineTable.decode(Uint8Array.from(lies))).toBeUndefined();
    const module = guestWith((builder) => builder.custom('millrace.lines', lies));
    expect((await startGuest(module)).log).toEqual([]);
  });
});
