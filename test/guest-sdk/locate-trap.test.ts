import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type CompiledSource,
  compileAssemblyScript,
} from '../../guest-sdk/assemblyscript/compile.ts';
import { locateFrames, locateTrap } from '../../guest-sdk/assemblyscript/locate-trap.ts';
import { batchOf } from '../kit/keyed-rows.ts';
import { RawGuest } from '../kit/raw-guest.ts';

const PATH = join(import.meta.dirname, 'udfs/traps.udf.ts');
const lines = readFileSync(PATH, 'utf8').split('\n');
let compiled: CompiledSource;
beforeAll(async () => {
  compiled = await compileAssemblyScript({ path: PATH });
});

const HARMLESS = { values: [7, 8, 9], index: 0, divisor: 4, note: 'abc' };

function trap(name: string, item: object): Error {
  const guest = new RawGuest(compiled.wasm);
  const { input } = guest.function(name);
  try {
    guest.run(name, batchOf(input, [HARMLESS, { ...HARMLESS, ...item }]));
  } catch (error) {
    return error as Error;
  }
  throw new Error(`"${name}" did not trap`);
}

describe('a trap of optimised code', () => {
  test.each([
    ['element', { index: 3 }, 'item.values[item.index]'],
    ['divide', { divisor: 0 }, '100 / item.divisor'],
    ['refuse', { index: 1 }, "throw new Error('index '"],
    ['measure', { note: null }, 'item.note!'],
  ])('of %s is located at its line', (name, item, text) => {
    const location = locateTrap(trap(name, item).stack!, compiled.sourceMap);
    expect(location?.file).toBe(PATH);
    expect(lines[location!.line - 1]).toContain(text);
    expect(location!.column).toBeGreaterThan(0);
  });

  test('names the message of a thrown error', () => {
    expect(trap('refuse', { index: 5 }).message).toContain('index 5 refused');
  });
});

describe('a location', () => {
  test('goes through the translation of offsets', () => {
    const stack = trap('divide', { divisor: 0 }).stack!;
    const moved = stack.replaceAll(
      /0x[0-9a-f]+/g,
      (hex) => `0x${(Number(hex) + 1000).toString(16)}`,
    );
    const options = { toCompiledOffset: (offset: number) => offset - 1000 };
    expect(locateTrap(moved, compiled.sourceMap, options)).toEqual(
      locateTrap(stack, compiled.sourceMap),
    );
    expect(locateFrames(stack, compiled.sourceMap, { toCompiledOffset: () => undefined })).toEqual(
      [],
    );
  });

  test('is undefined for a stack without frames of a module', () => {
    expect(locateTrap('Error: x\n    at f (file.js:1:2)', compiled.sourceMap)).toBeUndefined();
  });

  test('prefers the user’s file to the library that trapped', () => {
    const stack = trap('element', { index: 3 }).stack!;
    const frames = locateFrames(stack, compiled.sourceMap);
    expect(frames[0].file).toMatch(/^~lib\//);
    expect(locateTrap(stack, compiled.sourceMap)?.file).toBe(PATH);
  });
});
