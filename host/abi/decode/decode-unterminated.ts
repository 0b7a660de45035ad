import type { MalformedRow, RowDecoder } from '../row-decoder.ts';

const NEWLINE = 0x0a;

/**
 * Lets a decoder that wants a line feed behind every record take the last record of an input without one: that record
 * is handed to it from a copy with a line feed. `create` makes the decoder.
 */
export function decodeUnterminated(
  create: (malformed: MalformedRow) => RowDecoder,
  malformed: MalformedRow,
): RowDecoder {
  // While a copy is decoded: where it came from.
  let shift = 0;
  let limit = Number.POSITIVE_INFINITY;
  const decoder = create((reason, start, end) =>
    malformed(reason, start + shift, Math.min(end + shift, limit)),
  );
  return {
    decode(input, out) {
      const stop = out.length + input.bytesMax;
      const at = decoder.decode({ ...input, final: false }, out);
      if (!input.final || at >= input.end || out.length >= stop) return at;
      const copy = new Uint8Array(input.end - at + 1);
      copy.set(input.bytes.subarray(at, input.end));
      copy[copy.length - 1] = NEWLINE;
      shift = at;
      limit = input.end;
      const rest = { bytes: copy, start: 0, end: copy.length, final: true };
      const next = decoder.decode({ ...rest, bytesMax: stop - out.length }, out);
      shift = 0;
      limit = Number.POSITIVE_INFINITY;
      return Math.min(at + next, input.end);
    },
  };
}
