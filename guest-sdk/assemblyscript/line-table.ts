/** The custom section `millrace.lines` (`ABI.md`, section 3): from byte offsets of the module to lines of the source. */
import { decodedMappings, TraceMap } from '@jridgewell/trace-mapping';

const SECTION_NAME = 'millrace.lines';
const FORMAT = 1;

/** `wasm` with a table of the lines that `sourceMap` knows, at its end: nothing that was there moves. */
export function appendLineTable(wasm: Uint8Array, sourceMap: string): Uint8Array {
  const name = new TextEncoder().encode(SECTION_NAME);
  const content = [...unsigned(name.length), ...name, ...encodeLines(new TraceMap(sourceMap))];
  const section = [0, ...unsigned(content.length), ...content];
  const out = new Uint8Array(wasm.length + section.length);
  out.set(wasm);
  out.set(section, wasm.length);
  return out;
}

/** A map of a WebAssembly module has one line; the columns are byte offsets. */
function encodeLines(map: TraceMap): number[] {
  const files = map.sources.map((source) => new TextEncoder().encode(source ?? ''));
  const out = [FORMAT, ...unsigned(files.length)];
  for (const file of files) push(out, [...unsigned(file.length), ...file]);
  const [segments = []] = decodedMappings(map);
  push(out, unsigned(segments.length));
  let last = { offset: 0, file: 0, line: 0, column: 0 };
  for (const [offset, source, line = 0, column = 0] of segments) {
    // Code of no line is of the file behind the last.
    const file = source ?? files.length;
    push(out, unsigned(offset - last.offset));
    push(out, signed(file - last.file));
    push(out, signed(line + 1 - last.line));
    push(out, signed(column + 1 - last.column));
    last = { offset, file, line: line + 1, column: column + 1 };
  }
  return out;
}

function push(out: number[], bytes: readonly number[]): void {
  for (const byte of bytes) out.push(byte);
}

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ; ) {
    const low = rest & 0x7f;
    rest >>= 7;
    const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(last ? low : low | 0x80);
    if (last) return bytes;
  }
}
