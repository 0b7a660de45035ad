import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { createRowDecoder } from '../../host/abi/create-row-decoder.ts';
import { RecordScanner, type ScannerOptions } from '../../host/connectors/record-scanner.ts';
import { ROW_BYTES_MAX } from '../../host/limits.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { decodeBatch } from '../kit/rows.ts';

/** Bytes that arrive in pieces of these sizes, over and over; a 0 means that none are there yet. */
interface Arrival {
  readonly bytes: Uint8Array;
  readonly pieces: readonly number[];
}

function scannerOf(
  { bytes, pieces }: Arrival,
  options: Partial<ScannerOptions> & { readonly bufferBytes?: number },
) {
  let at = options.start ?? 0;
  let piece = 0;
  const malformed: { readonly offset: number; readonly reason: string }[] = [];
  const scanner = new RecordScanner({
    input: {
      read(into, offset) {
        if (at >= bytes.length) return 0;
        const size = pieces[piece++ % pieces.length];
        if (size === 0) return -1;
        const part = bytes.subarray(at, at + Math.min(size, into.length - offset));
        into.set(part, offset);
        at += part.length;
        return part.length;
      },
    },
    buffer: { bytes: new Uint8Array(options.bufferBytes ?? 16) },
    format: 'lines',
    createDecoder: (report) => createRowDecoder(options.format ?? 'lines', LINE_SCHEMA, report),
    start: 0,
    align: false,
    end: undefined,
    malformed: (offset, reason) => void malformed.push({ offset, reason }),
    ...options,
  });
  return { scanner, malformed };
}

/** Texts of all records, polled in portions of `bytesMax`. */
function drain(scanner: RecordScanner, bytesMax = 64): string[] {
  const texts: string[] = [];
  const out = new BatchBuilder();
  for (let idle = 0; idle < 100_000; idle++) {
    out.clear();
    const result = scanner.poll(out, bytesMax);
    texts.push(...decodeBatch(LINE_SCHEMA, out.batch()).map((record) => String(record.text)));
    if (result === 'end') return texts;
  }
  throw new Error('the scanner does not end');
}

/** What the lines of a text are, said in the plainest way. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.replace(/\r$/, ''));
}

const textArbitrary = fc
  .array(fc.constantFrom('a', 'b', '\n', '\n', '\r\n', 'é', '0123456789012345678901234567890'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''))
  // A lone carriage return at the very end is text or half a line end, by taste.
  .filter((text) => !text.endsWith('\r'));
const piecesArbitrary = fc
  .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 5 })
  .filter((pieces) => pieces.some((piece) => piece > 0));

describe('RecordScanner', () => {
  test('yields every line once, however the bytes arrive', () => {
    fc.assert(
      fc.property(textArbitrary, piecesArbitrary, (text, pieces) => {
        const { scanner, malformed } = scannerOf({ bytes: Buffer.from(text), pieces }, {});
        expect(drain(scanner)).toEqual(linesOf(text));
        expect(malformed).toEqual([]);
        expect(scanner.position).toBe(Buffer.byteLength(text));
      }),
    );
  });

  test('R3 gives each line to the range it starts in', () => {
    fc.assert(
      fc.property(textArbitrary, fc.integer({ min: 1, max: 50 }), (text, step) => {
        const bytes = Buffer.from(text);
        const texts: string[] = [];
        for (let start = 0; start === 0 || start < bytes.length; start += step) {
          const align = start > 0;
          const { scanner } = scannerOf(
            { bytes, pieces: [7] },
            { start: align ? start - 1 : 0, align, end: start + step },
          );
          texts.push(...drain(scanner, 1));
          expect(scanner.position).toBeGreaterThanOrEqual(Math.min(start + step, bytes.length));
        }
        expect(texts).toEqual(linesOf(text));
      }),
    );
  });

  test('R2 passes over a record that is too long, whatever stands around it', () => {
    const long = 'x'.repeat(ROW_BYTES_MAX + 5);
    const text = `before\n${long}\nbehind\n${long}${long}${long}\nlast`;
    for (const pieces of [[1 << 16], [1 << 22]]) {
      const { scanner, malformed } = scannerOf(
        { bytes: Buffer.from(text), pieces },
        { bufferBytes: 1 << 16 },
      );
      expect(drain(scanner)).toEqual(['before', 'behind', 'last']);
      expect(malformed.map(({ offset }) => offset)).toEqual([7, 7 + long.length + 8]);
    }
  });

  test('R2 passes over a record that is too long and ends with the input or the range', () => {
    const text = `a\n${'x'.repeat(ROW_BYTES_MAX * 2)}`;
    for (const end of [undefined, 10]) {
      const { scanner, malformed } = scannerOf(
        { bytes: Buffer.from(text), pieces: [1 << 18] },
        { bufferBytes: 1 << 16, end },
      );
      expect(drain(scanner)).toEqual(['a']);
      expect(malformed).toHaveLength(1);
    }
  });

  test('R1 stays before a record that is too long until it is passed', () => {
    const long = `${'x'.repeat(ROW_BYTES_MAX * 4)}\n`;
    const { scanner } = scannerOf(
      { bytes: Buffer.from(`a\n${long}b\n`), pieces: [1 << 20, 0] },
      { bufferBytes: 1 << 20 },
    );
    const out = new BatchBuilder();
    const positions = new Set<number | undefined>();
    while (scanner.poll(out, 1 << 16) !== 'end') positions.add(scanner.position);
    expect([...positions].every((position) => [0, 2, 2 + long.length].includes(position!))).toBe(
      true,
    );
    expect(out.count).toBe(2);
  });

  test('takes a record of the greatest length', () => {
    const text = 'x'.repeat(ROW_BYTES_MAX - 24);
    const { scanner, malformed } = scannerOf(
      { bytes: Buffer.from(`${text}\nb\n`), pieces: [1 << 20] },
      { bufferBytes: 1 << 16 },
    );
    expect(drain(scanner).map((line) => line.length)).toEqual([text.length, 1]);
    expect(malformed).toEqual([]);
  });
});
