import { LINES_SECTION, LineTable } from './line-table.ts';
import type { OffsetMap } from './rewrite/offset-map.ts';

/** From bytes of the code that runs to bytes of the upload, and to lines of its source. */
export interface CodePlaces {
  readonly offsets: OffsetMap;
  /** Undefined when the upload tells no lines. */
  readonly lines: LineTable | undefined;
}

/** The places of a module's code, read when they are first asked for. */
export function codePlacesOf(wasm: WebAssembly.Module, offsets: OffsetMap): () => CodePlaces {
  let places: CodePlaces | undefined;
  return () => {
    places ??= { offsets, lines: readLines(wasm) };
    return places;
  };
}

function readLines(wasm: WebAssembly.Module): LineTable | undefined {
  const [section] = WebAssembly.Module.customSections(wasm, LINES_SECTION);
  return section === undefined ? undefined : LineTable.decode(new Uint8Array(section));
}
