import { describe, expect, test } from 'vitest';
import { setPath } from '../../host/dataflow/set-path.ts';

const DOCUMENT = {
  name: 'copy',
  sources: { lines: { connector: 'file', path: 'data/*.txt', format: 'lines' } },
  sinks: { out: { from: 'lines', connector: 'stdout' } },
};

describe('setPath', () => {
  test('sets a place, and leaves the document as it was', () => {
    const before = structuredClone(DOCUMENT);
    const after = setPath(DOCUMENT, 'sources.lines.path=other=1/*.txt');
    expect(after).toEqual({
      ...before,
      sources: { lines: { ...before.sources.lines, path: 'other=1/*.txt' } },
    });
    expect(DOCUMENT).toEqual(before);
  });

  test('reads the value as YAML and makes what is missing on the way', () => {
    expect(setPath({}, 'a.b.c=[1, { x: true }]')).toEqual({ a: { b: { c: [1, { x: true }] } } });
    expect(setPath({ a: [1, { b: 2 }] }, 'a.1.b=text')).toEqual({ a: [1, { b: 'text' }] });
    expect(setPath({ a: 1 }, 'a=')).toEqual({ a: null });
  });

  const refused: readonly (readonly [string, string])[] = [
    ['parallelism', 'expected path=value'],
    ['=2', 'expected path=value'],
    ['a..b=1', 'expected path=value'],
    ['__proto__.polluted=1', 'expected path=value'],
    ['name.first=x', 'nothing can be set inside "copy"'],
    ['list.5=x', 'the list has no entry "5"'],
    ['name=[', 'the value is not YAML'],
  ];
  test.each(refused)('refuses %s', (assignment, reason) => {
    expect(() => setPath({ name: 'copy', list: [1] }, assignment)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: `--set ${JSON.stringify(assignment)}: ${reason}`,
      }),
    );
  });
});
