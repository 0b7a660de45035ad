/**
 * Compiles a user's AssemblyScript into a guest module, in memory: the compiler, its standard
 * library and the SDK's runtime come from this package, so the user's folder needs none of them.
 *
 * Only for source that is trusted as much as the process: hostile source can make the compiler use
 * any amount of memory and time.
 */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '../../host/errors.ts';
import { checkImports } from './check-imports.ts';
import { checkConstants } from './check-state.ts';
import {
  type Compiler,
  loadToolchain,
  type Program,
  type Range,
  type Source,
  type Toolchain,
} from './compiler-api.ts';
import { SDK_PATH } from './file-names.ts';
import { isOfUntypedField } from './kinds/untyped-field.ts';
import { appendLineTable } from './line-table.ts';
import type { ModuleModel, Report } from './module-model.ts';
import { describeModule } from './section.ts';
import { entryText, graftModule, transformModule } from './transform.ts';

/** A file with the files it imports, or the text of a file that imports none. */
export type SourceInput =
  | { readonly path: string }
  | { readonly source: string; readonly name: string };

export interface CompiledSource {
  readonly wasm: Uint8Array;
  /** Source map (version 3, JSON) of the code in `wasm`. */
  readonly sourceMap: string;
}

const LIBRARY_PREFIX = '~lib/';
const ENTRY_FILE = 'millrace-entry.ts';
const OPTIMIZE_LEVEL = 3;
/**
 * Compiles with full optimisation. Throws `COMPILE_FAILED`, each finding in `details` as
 * `file:line:column: message`.
 *
 *     const { wasm } = await compileAssemblyScript({ path: 'udfs/word-count/word-count.udf.ts' });
 */
export async function compileAssemblyScript(input: SourceInput): Promise<CompiledSource> {
  const toolchain = await loadToolchain();
  return new Compilation(toolchain, input, await readManifestVersion()).run();
}

let version: string | undefined;

async function readManifestVersion(): Promise<string> {
  if (version === undefined) {
    const manifest = await readFile(new URL('package.json', import.meta.url), 'utf8');
    version = String(JSON.parse(manifest).version);
  }
  return version;
}

/** One run of the compiler, with its findings. */
class Compilation {
  readonly #toolchain: Toolchain;
  readonly #sdkVersion: string;
  readonly #fileName: string;
  readonly #directory: string;
  readonly #text: string | undefined;
  readonly #findings: string[] = [];

  constructor(toolchain: Toolchain, input: SourceInput, sdkVersion: string) {
    this.#toolchain = toolchain;
    this.#sdkVersion = sdkVersion;
    const path = 'path' in input ? input.path : input.name;
    this.#fileName = path.endsWith('.ts') ? basename(path) : `${basename(path)}.ts`;
    this.#directory = dirname(path);
    this.#text = 'source' in input ? input.source : undefined;
  }

  async run(): Promise<CompiledSource> {
    const { compiler, binaryen } = this.#toolchain;
    const program = await this.#parse();
    const module = this.#transform(program);
    compiler.initializeProgram(program);
    this.#stopOnFindings(program);
    // The one source that compilations share; a number from another module's file table is wrong here.
    compiler.Source.native.debugInfoIndex = -1;
    const compiled = compileLocated(compiler, program);
    const output = binaryen.wrapModule(compiled.ref);
    try {
      this.#stopOnFindings(program);
      checkConstants(compiler, program, this.#report);
      checkImports(this.#toolchain, output, {
        sources: userSources(program),
        report: this.#report,
      });
      this.#stopOnFindings(program);
      if (!compiler.validate(compiled)) throw new Error('the compiled module does not validate');
      // Expressions without a place of their own take that of the statement they are in.
      output.runPasses(['propagate-debug-locs']);
      compiler.optimize(compiled, OPTIMIZE_LEVEL, 0, false);
      output.addCustomSection('millrace', describeModule(module, this.#sdkVersion));
      const { binary, sourceMap } = output.emitBinary(`${this.#fileName}.wasm.map`);
      const wasm = appendLineTable(binary, sourceMap);
      return { wasm, sourceMap: this.#completeMap(sourceMap, program) };
    } finally {
      output.dispose();
    }
  }

  async #parse(): Promise<Program> {
    const { compiler, library } = this.#toolchain;
    const options = compiler.newOptions();
    compiler.setRuntime(options, 0);
    compiler.setSourceMap(options, true);
    compiler.setExportMemory(options, true);
    compiler.setFeature(options, compiler.FEATURE_SIMD, true);
    compiler.setOptimizeLevelHints(options, OPTIMIZE_LEVEL, 0);
    const program = compiler.newProgram(options);
    for (const [name, text] of Object.entries(library)) {
      if (name.includes('/')) continue; // imported on demand
      compiler.parse(program, text, `${LIBRARY_PREFIX}${name}.ts`, false);
    }
    await this.#parseFile(program, `${SDK_PATH}/arena`);
    await this.#parseFile(program, `${SDK_PATH}/index`);
    for (const name of ['codec', 'keyed']) await this.#parseFile(program, `${SDK_PATH}/${name}`);
    compiler.parse(program, await this.#readUserFile(this.#fileName), this.#fileName, false);
    await this.#parseBacklog(program);
    this.#stopOnFindings(program);
    return program;
  }

  async #parseBacklog(program: Program): Promise<void> {
    const { compiler } = this.#toolchain;
    for (;;) {
      const path = compiler.nextFile(program);
      if (path === null) return;
      await this.#parseFile(program, path);
    }
  }

  /** Parses the file of an internal path, which has no extension and may stand for `path/index`. */
  async #parseFile(program: Program, internalPath: string): Promise<void> {
    const { compiler } = this.#toolchain;
    for (const candidate of [internalPath, `${internalPath}/index`]) {
      const text = await this.#readModule(candidate);
      if (text === null) continue;
      compiler.parse(program, text, `${candidate}.ts`, false);
      return;
    }
    compiler.parse(program, null, `${internalPath}.ts`, false);
  }

  async #readModule(internalPath: string): Promise<string | null> {
    if (internalPath.startsWith(`${SDK_PATH}/`)) {
      const name = internalPath.slice(SDK_PATH.length + 1);
      if (!/^[a-z0-9-]+$/.test(name)) return null;
      return readText(new URL(`assembly/${name}.ts`, import.meta.url));
    }
    if (internalPath.startsWith(LIBRARY_PREFIX)) {
      const name = internalPath.slice(LIBRARY_PREFIX.length);
      const { library } = this.#toolchain;
      return Object.hasOwn(library, name) ? library[name] : null;
    }
    return this.#readUserFile(`${internalPath}.ts`);
  }

  async #readUserFile(name: string): Promise<string | null> {
    if (this.#text !== undefined) return name === this.#fileName ? this.#text : null;
    return readText(join(this.#directory, name));
  }

  #transform(program: Program): ModuleModel {
    const { compiler } = this.#toolchain;
    const module = transformModule(compiler, userSources(program), this.#report);
    this.#stopOnFindings(program);
    graftModule(compiler, module);
    compiler.parse(
      program,
      entryText(module, SDK_PATH.slice(LIBRARY_PREFIX.length)),
      ENTRY_FILE,
      true,
    );
    return module;
  }

  readonly #report: Report = (where, message) => {
    const range = 'range' in where ? where.range : where;
    this.#findings.push(`${this.#location(range)}: ${message}`);
  };

  #stopOnFindings(program: Program): void {
    const { compiler } = this.#toolchain;
    for (;;) {
      const diagnostic = compiler.nextDiagnostic(program);
      if (diagnostic === null) break;
      if (!compiler.isError(diagnostic)) continue;
      if (isOfUntypedField(compiler, diagnostic, userSources(program))) continue;
      this.#findings.push(`${this.#location(diagnostic.range)}: ${diagnostic.message}`);
    }
    const details = [...new Set(this.#findings)];
    if (details.length === 0) return;
    const errors = details.length === 1 ? '1 error' : `${details.length} errors`;
    throw new MillraceError('COMPILE_FAILED', `"${this.#fileName}" has ${errors}`, {
      details,
      hint: 'the language is AssemblyScript; what records and functions may be is in the README of @millrace/guest-sdk',
    });
  }

  #location(range: Range | null): string {
    if (range === null) return `${this.#display(this.#fileName)}:1:1`;
    const { source } = range;
    const line = source.lineAt(range.start);
    return `${this.#display(source.normalizedPath)}:${line}:${source.columnAt()}`;
  }

  #display(path: string): string {
    return path.startsWith(LIBRARY_PREFIX) ? path : join(this.#directory, path);
  }

  /** Adds the text of the user's files and calls the files as the user does. */
  #completeMap(sourceMap: string, program: Program): string {
    const map: { sources: string[]; sourcesContent?: (string | null)[] } = JSON.parse(sourceMap);
    const texts = new Map(
      userSources(program).map((source) => [source.normalizedPath, source.text]),
    );
    map.sourcesContent = map.sources.map((name) => texts.get(name) ?? null);
    map.sources = map.sources.map((name) => this.#display(name));
    return JSON.stringify(map);
  }
}

/**
 * Compiles with the calls of `abort` in the source map. The compiler places the block around the call,
 * and loses that place when the block stands for the body of an `if`.
 */
function compileLocated(compiler: Compiler, program: Program): { readonly ref: number } {
  const run = new compiler.Compiler(program);
  const makeStaticAbort = run.makeStaticAbort.bind(run);
  run.makeStaticAbort = (message, place) => {
    const block = makeStaticAbort(message, place);
    const call = compiler.getBlockChildAt(block, 0);
    if (call !== 0) run.addDebugLocation(call, place.range);
    return block;
  };
  program.parser.finish();
  return run.compile();
}

function userSources(program: Program): Source[] {
  return program.sources.filter((source) => !source.isLibrary && source.text !== '');
}

async function readText(path: string | URL): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}
