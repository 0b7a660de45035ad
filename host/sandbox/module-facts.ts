import { createRowValidator, type RowValidator } from '../abi/validate-rows.ts';
import { MillraceError } from '../errors.ts';
import type { FunctionKind } from '../model/module-description.ts';
import { WASI_MODULE } from './allowed-imports.ts';
import { type CodePlaces, codePlacesOf } from './code-places.ts';
import type { CompiledModule } from './guest.ts';
import { type ProcessFacts, processFacts } from './process-exchange.ts';
import { decodeRewriteNote, REWRITE_SECTION, type RewriteNote } from './rewrite/offset-map.ts';
import { SpareMemories } from './spare-memories.ts';

/** What every instance of a module shares, worked out once per module and thread. */
export interface ModuleFacts {
  readonly note: RewriteNote;
  readonly imports: readonly { readonly module: string; readonly name: string }[];
  readonly wasi: boolean;
  readonly functions: ReadonlyMap<string, FunctionFacts>;
  /** Where a byte of the rewritten code comes from. Read when the first call fails. */
  readonly places: () => CodePlaces;
  readonly spareMemories: SpareMemories;
}

export interface FunctionFacts {
  readonly kind: FunctionKind;
  readonly output: RowValidator;
  readonly state: RowValidator | undefined;
  readonly process: ProcessFacts | undefined;
}

const FACTS = new WeakMap<WebAssembly.Module, ModuleFacts>();

/** The facts of a module that `Sandbox.compile` made. */
export function moduleFacts(module: CompiledModule): ModuleFacts {
  let facts = FACTS.get(module.wasm);
  if (facts === undefined) {
    facts = readFacts(module);
    FACTS.set(module.wasm, facts);
  }
  return facts;
}

function readFacts({ wasm, description }: CompiledModule): ModuleFacts {
  const [section] = WebAssembly.Module.customSections(wasm, REWRITE_SECTION);
  if (section === undefined) {
    throw new MillraceError('INTERNAL', 'a module was compiled without passing the gate');
  }
  const imports = WebAssembly.Module.imports(wasm)
    .filter((entry) => entry.kind === 'function')
    .map(({ module, name }) => ({ module, name }));
  const functions = description.functions.map(({ name, kind, output, state, process }) => {
    const validators = {
      output: createRowValidator(output),
      state: state === undefined ? undefined : createRowValidator(state),
      process: process === undefined ? undefined : processFacts(process),
    };
    return [name, { kind, ...validators }] as const;
  });
  const note = decodeRewriteNote(new Uint8Array(section));
  return {
    note,
    imports,
    wasi: imports.some((entry) => entry.module === WASI_MODULE),
    functions: new Map(functions),
    places: codePlacesOf(wasm, note.offsets),
    spareMemories: new SpareMemories(),
  };
}
