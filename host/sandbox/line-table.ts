import { LINE_ENTRIES_MAX, LINE_FILES_MAX } from '../limits.ts';
import { cleanName } from './rewrite/function-names.ts';
import { ByteReader } from './wasm/byte-reader.ts';
import { ModuleFault } from './wasm/module-fault.ts';

/** The custom section in which an SDK keeps the lines of the source (`guest-sdk/ABI.md`, section 3). */
export const LINES_SECTION = 'millrace.lines';

const FORMAT = 1;
/** Numbers of an entry: offset, file, line, column. */
const NUMBERS = 4;
/** Files of the SDK and of the compiler's library begin so: not where a user looks. */
const LIBRARY_PREFIX = '~lib/';

/** Where a byte of the upload's code comes from. */
export interface SourceLine {
  /** `words.ts:12:5`. */
  readonly text: string;
  /** In a file of the user's own. */
  readonly own: boolean;
}

/** Lines of a module by byte offset. */
export class LineTable {
  readonly #files: readonly string[];
  readonly #entries: Int32Array;

  constructor(files: readonly string[], entries: Int32Array) {
    this.#files = files;
    this.#entries = entries;
  }

  /** A table that cannot be read gives no lines: it is debug data, not part of validity. */
  static decode(section: Uint8Array): LineTable | undefined {
    try {
      return decode(new ByteReader(section));
    } catch (thrown) {
      if (thrown instanceof ModuleFault) return undefined;
      throw thrown;
    }
  }

  /** Of the last entry at or before the offset; undefined when it is of no line. */
  lineOf(offset: number): SourceLine | undefined {
    const entries = this.#entries;
    let low = 0;
    let high = entries.length / NUMBERS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (entries[middle * NUMBERS] <= offset) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const at = (low - 1) * NUMBERS;
    const file = this.#files[entries[at + 1]];
    if (file === undefined) return undefined;
    const text = `${file}:${entries[at + 2]}:${entries[at + 3]}`;
    return { text, own: !file.startsWith(LIBRARY_PREFIX) };
  }
}

function decode(reader: ByteReader): LineTable | undefined {
  if (reader.u32() !== FORMAT) return undefined;
  const fileCount = reader.u32();
  if (fileCount > LINE_FILES_MAX) return undefined;
  const files = Array.from({ length: fileCount }, () => cleanName(reader.name()));
  const count = reader.u32();
  // An entry has at least four bytes: the table cannot promise more than it has.
  if (count > LINE_ENTRIES_MAX || count * NUMBERS > reader.end - reader.offset) return undefined;
  const entries = new Int32Array(count * NUMBERS);
  let [offset, file, line, column] = [0, 0, 0, 0];
  for (let at = 0; at < entries.length; at += NUMBERS) {
    offset += reader.u32();
    file += reader.s32();
    line += reader.s32();
    column += reader.s32();
    entries[at] = offset;
    entries[at + 1] = file;
    entries[at + 2] = line;
    entries[at + 3] = column;
  }
  return new LineTable(files, entries);
}
