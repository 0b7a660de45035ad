import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import { rowsCase } from './arbitrary-rows.ts';
import { decodeAll, encodeAll, objectsOf, rowsOf } from './rows-kit.ts';

const RUNS = { numRuns: 1_500 };

describe('rows of any record type', () => {
  test('read back as the objects they were made of, and are valid', () => {
    fc.assert(
      fc.property(rowsCase({ finite: false }), ({ schema, objects }) => {
        const batch = rowsOf(schema, objects);
        expect(createRowValidator(schema)(batch.bytes, batch.count)).toBeUndefined();
        expect(objectsOf(schema, batch)).toEqual(objects.map((object) => ({ ...object })));
      }),
      RUNS,
    );
  });

  test('are the same bytes after json', () => {
    fc.assert(
      fc.property(rowsCase({ finite: true }), ({ schema, objects }) => {
        const batch = rowsOf(schema, objects);
        const decoded = decodeAll('json', schema, encodeAll('json', schema, batch));
        expect(decoded.malformed).toEqual([]);
        expect(Buffer.from(decoded.bytes).toString('hex')).toBe(
          Buffer.from(batch.bytes).toString('hex'),
        );
        expect(decoded.count).toBe(batch.count);
      }),
      RUNS,
    );
  });

  test('are the same bytes after csv', () => {
    // Floats inside lists and records are JSON, which has no NaN; outermost ones may be anything.
    fc.assert(
      fc.property(
        fc.oneof(rowsCase({ finite: false }, 0), rowsCase({ finite: true }, 2)),
        ({ schema, objects }) => {
          const batch = rowsOf(schema, objects);
          const decoded = decodeAll('csv', schema, encodeAll('csv', schema, batch));
          expect(decoded.malformed).toEqual([]);
          expect(Buffer.from(decoded.bytes).toString('hex')).toBe(
            Buffer.from(batch.bytes).toString('hex'),
          );
        },
      ),
      RUNS,
    );
  });

  test('are the same bytes after rows', () => {
    fc.assert(
      fc.property(rowsCase({ finite: false }), ({ schema, objects }) => {
        const batch = rowsOf(schema, objects);
        const decoded = decodeAll('rows', schema, batch.bytes);
        expect(Buffer.from(decoded.bytes).equals(Buffer.from(batch.bytes))).toBe(true);
        expect(decoded.malformed).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('are the same bytes after json with keys in another order, twice and between others', () => {
    fc.assert(
      fc.property(
        rowsCase({ finite: true }),
        fc.infiniteStream(fc.nat()),
        ({ schema, objects }, dice) => {
          const batch = rowsOf(schema, objects);
          const shuffled = encodeAll('json', schema, batch)
            .trimEnd()
            .split('\n')
            .map((line) => disorder(line, () => dice.next().value))
            .join('\n');
          const decoded = decodeAll('json', schema, shuffled);
          expect(decoded.malformed).toEqual([]);
          expect(Buffer.from(decoded.bytes).toString('hex')).toBe(
            Buffer.from(batch.bytes).toString('hex'),
          );
        },
      ),
      RUNS,
    );
  });
});

/** The same object with its keys shuffled, an unknown key put in and one key given before with an older value. */
function disorder(line: string, roll: () => number): string {
  const pairs = topLevelPairs(line);
  for (let i = pairs.length - 1; i > 0; i--) {
    const j = roll() % (i + 1);
    [pairs[i], pairs[j]] = [pairs[j], pairs[i]];
  }
  const again = pairs[roll() % pairs.length];
  pairs.splice(roll() % pairs.length, 0, '"unknown": {"a": [1, {"b": "}"}], "c": null}');
  return `{ ${[again, ...pairs].join(' ,\t')} }`;
}

function topLevelPairs(line: string): string[] {
  const pairs: string[] = [];
  let depth = 0;
  let inString = false;
  let start = 1;
  for (let i = 1; i < line.length - 1; i++) {
    const c = line[i];
    if (inString) {
      if (c === '\\') i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
    else if (c === ',' && depth === 0) {
      pairs.push(line.slice(start, i));
      start = i + 1;
    }
  }
  return [...pairs, line.slice(start, -1)];
}
