/** From the stack of a trap to the line of AssemblyScript. */
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';

export interface TrapLocation {
  /** As the compiler was given it; the SDK's own files start with `~lib/`. */
  readonly file: string;
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

export interface LocateOptions {
  /**
   * Byte offset in the module that ran → offset in the module that was compiled. The gate rewrites
   * modules, which moves code; without it the offsets are taken as they are.
   */
  readonly toCompiledOffset?: (offset: number) => number | undefined;
}

/** `at f (wasm://wasm/0a1b2c3d:wasm-function[12]:0x1f3)` */
const FRAME = /wasm-function\[\d+\]:0x([0-9a-f]+)/gi;
const SDK_PREFIX = '~lib/';

/**
 * The innermost place in the user's own files that the stack names; a place in the SDK or the standard
 * library when there is no other; undefined when the map knows none of the frames.
 *
 *     locateTrap(error.stack, sourceMap) // { file: 'word-count.udf.ts', line: 19, column: 5 }
 */
export function locateTrap(
  stack: string,
  sourceMap: string,
  options: LocateOptions = {},
): TrapLocation | undefined {
  const locations = locateFrames(stack, sourceMap, options);
  return locations.find(({ file }) => !file.startsWith(SDK_PREFIX)) ?? locations[0];
}

/** Every frame that the map knows, innermost first. */
export function locateFrames(
  stack: string,
  sourceMap: string,
  options: LocateOptions = {},
): readonly TrapLocation[] {
  const map = new TraceMap(sourceMap);
  const { toCompiledOffset = (offset: number) => offset } = options;
  const locations: TrapLocation[] = [];
  for (const [, hexadecimal] of stack.matchAll(FRAME)) {
    const offset = toCompiledOffset(Number.parseInt(hexadecimal, 16));
    if (offset === undefined) continue;
    // A map of a WebAssembly module has one line; the column is the byte offset.
    const { source, line, column } = originalPositionFor(map, { line: 1, column: offset });
    if (source !== null) locations.push({ file: source, line, column: column + 1 });
  }
  return locations;
}
