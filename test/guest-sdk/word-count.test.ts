import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import { batchOf } from '../kit/keyed-rows.ts';
import { EMIT_BATCH, EMIT_RECORD, RawGuest } from '../kit/raw-guest.ts';
import { decodeBatch } from '../kit/rows.ts';
import { tagRows } from '../kit/tagged-rows.ts';

describe.each([
  ['as calls', 'udfs/word-count.udf.ts'],
  ['as decorators', 'decorated/word-count.udf.ts'],
])('the word count written %s', (_form, path) => {
  let guest: RawGuest;
  beforeAll(async () => {
    const compiled = await compileAssemblyScript({ path: join(import.meta.dirname, path) });
    guest = new RawGuest(compiled.wasm);
  });

  test('emits each word of each line once, in order', () => {
    const { input, output } = guest.function('words');
    const lines = ['the quick  brown fox', '', ' \t ', 'jumps\tover\u00a0the ', 'naïve 漢字 🙂'];
    const batch = batchOf(
      input,
      lines.map((text) => ({ text })),
    );
    const result = guest.run('words', batch);
    const expected = lines.flatMap((line) => line.split(/[ \t\n\v\f\r]+/)).filter(Boolean);
    expect(createRowValidator(output)(result.output.bytes, result.output.count)).toBeUndefined();
    expect(decodeBatch(output, result.output)).toEqual(
      expected.map((word) => ({ word, count: 1n })),
    );
    expect(result.emitted.map(({ last }) => last)).toEqual([true]);
  });

  test('adds counts into the state of each key', () => {
    const { input } = guest.function('sum');
    const words = ['a', 'b', 'a', 'c', 'a', 'b'];
    const batch = batchOf(
      input,
      words.map((word) => ({ word, count: 1 })),
    );
    const rows = tagRows(
      batch,
      words.map((word) => 'abc'.indexOf(word)),
    );
    const states = tagRows(batchOf(input, [{ word: 'b', count: 40 }]), [1]);
    const result = guest.runKeyed('sum', { rows, states, keys: 3, flags: EMIT_BATCH });
    const totals = [
      { word: 'a', count: 3n },
      { word: 'b', count: 42n },
      { word: 'c', count: 1n },
    ];
    expect(decodeBatch(input, result.output)).toEqual(totals);
    expect(decodeBatch(input, result.states)).toEqual(totals);
    const running = guest.runKeyed('sum', { rows, states, keys: 3, flags: EMIT_RECORD });
    const counts = decodeBatch(input, running.output).map(({ count }) => count);
    expect(counts).toEqual([1n, 41n, 2n, 1n, 3n, 42n]);
    expect(decodeBatch(input, running.states)).toEqual(totals);
  });
});
