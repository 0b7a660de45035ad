import { readSection } from '../abi/read-section.ts';
import { MillraceError } from '../errors.ts';
import { SECTION_BYTES_MAX } from '../limits.ts';
import type { FunctionKind, ModuleDescription } from '../model/module-description.ts';
import { RESERVED_PREFIX } from './rewrite/rewrite-module.ts';
import type { FindingCode, Findings } from './wasm/findings.ts';
import { type FunctionType, formatFunctionType, I32, sameFunctionType } from './wasm/value-type.ts';
import { functionType, type WasmExport, type WasmModule } from './wasm/wasm-module.ts';

/** The custom section in which a module describes itself. */
export const DESCRIPTION_SECTION = 'millrace';
/** Prefix of the exports that the description names. */
export const FUNCTION_PREFIX = 'mr_';

const BATCH_FUNCTION = i32Function(3, 1);
const KEYED_FUNCTION = i32Function(8, 1);
const WINDOW_FUNCTION = i32Function(5, 1);
const PROCESS_FUNCTION = i32Function(9, 1);
const BUFFER_FUNCTION = i32Function(1, 1);
const INITIALIZE_FUNCTION = i32Function(0, 0);

/** The type an export must have for a function of this kind. */
function typeOfKind(kind: FunctionKind): FunctionType {
  switch (kind) {
    case 'map':
    case 'filter':
    case 'flatMap':
    case 'assignTimestamp':
    case 'join':
      return BATCH_FUNCTION;
    case 'reduce':
    case 'aggregate':
      return KEYED_FUNCTION;
    case 'apply':
      return WINDOW_FUNCTION;
    case 'process':
    case 'coProcess':
    case 'broadcastProcess':
      return PROCESS_FUNCTION;
  }
}

/**
 * Reads the module's description and checks that its exports keep it: `memory`, `mr_buffer`, one
 * `mr_<function>` per function. Returns undefined when the description cannot be read.
 */
export function checkAbi(module: WasmModule, findings: Findings): ModuleDescription | undefined {
  const description = readDescription(module, findings);
  const exports = new Map(module.exports.map((entry) => [entry.name, entry]));
  checkReserved(module, findings);
  checkMemory(module, exports.get('memory'), findings);
  const check = new ExportCheck(module, exports, findings);
  check.require(`${FUNCTION_PREFIX}buffer`, BUFFER_FUNCTION, 'the input area of a call');
  if (exports.has('_initialize')) {
    check.require('_initialize', INITIALIZE_FUNCTION, 'called once after instantiation');
  }
  for (const { name, kind } of description?.functions ?? []) {
    if (name === 'buffer') {
      signature(findings, undefined, 'a function may not be named "buffer": its export is taken');
    } else {
      check.require(`${FUNCTION_PREFIX}${name}`, typeOfKind(kind), `${kind} "${name}"`);
    }
  }
  return description;
}

function readDescription(module: WasmModule, findings: Findings): ModuleDescription | undefined {
  const sections = module.customs.filter((custom) => custom.name === DESCRIPTION_SECTION);
  const add = (code: FindingCode, text: string, offset?: number): undefined => {
    findings.add({ code, section: DESCRIPTION_SECTION, offset, text });
  };
  const [section, second] = sections;
  if (section === undefined) {
    return add('MODULE_SECTION_MISSING', 'the module has no custom section "millrace"');
  }
  if (second !== undefined) {
    return add('MODULE_SECTION_INVALID', 'the section appears twice', second.start);
  }
  const bytes = section.end - section.start;
  if (bytes > SECTION_BYTES_MAX) {
    const text = `the section has ${bytes} bytes, limit ${SECTION_BYTES_MAX}`;
    return add('MODULE_SECTION_INVALID', text, section.start);
  }
  try {
    return readSection(module.bytes.subarray(section.start, section.end));
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown;
    const code =
      thrown.code === 'MODULE_ABI_VERSION' ? 'MODULE_ABI_VERSION' : 'MODULE_SECTION_INVALID';
    const texts = thrown.details.length > 0 ? thrown.details : [thrown.message];
    for (const text of texts) add(code, text, section.start);
    return undefined;
  }
}

function checkReserved(module: WasmModule, findings: Findings): void {
  for (const { name, offset } of module.exports) {
    if (!name.startsWith(RESERVED_PREFIX)) continue;
    const text = `export ${JSON.stringify(name)} begins with "${RESERVED_PREFIX}", which is reserved`;
    findings.add({ code: 'MODULE_REFUSED', section: 'export', offset, text });
  }
}

function checkMemory(module: WasmModule, memory: WasmExport | undefined, findings: Findings): void {
  if (memory?.kind !== 'memory') {
    signature(findings, memory?.offset, 'the module exports no memory named "memory"');
    return;
  }
  if (module.memories[memory.index].minimum < 1) {
    signature(
      findings,
      module.memories[memory.index].offset,
      'the memory starts with 0 pages, at least 1 is needed',
    );
  }
}

function signature(findings: Findings, offset: number | undefined, text: string): void {
  findings.add({ code: 'MODULE_SIGNATURE', section: 'export', offset, text });
}

class ExportCheck {
  readonly #module: WasmModule;
  readonly #exports: ReadonlyMap<string, WasmExport>;
  readonly #findings: Findings;

  constructor(module: WasmModule, exports: ReadonlyMap<string, WasmExport>, findings: Findings) {
    this.#module = module;
    this.#exports = exports;
    this.#findings = findings;
  }

  /** A finding unless the function is exported with this type. */
  require(name: string, expected: FunctionType, purpose: string): void {
    const found = this.#exports.get(name);
    const wanted = `${formatFunctionType(expected)} (${purpose})`;
    if (found?.kind !== 'function') {
      const text = `function "${name}" ${wanted} is not exported`;
      signature(this.#findings, found?.offset, text);
      return;
    }
    const type = functionType(this.#module, found.index);
    if (sameFunctionType(type, expected)) return;
    const text = `function "${name}" has type ${formatFunctionType(type)}, expected ${wanted}`;
    signature(this.#findings, found.offset, text);
  }
}

function i32Function(params: number, results: number): FunctionType {
  return {
    params: new Uint8Array(params).fill(I32),
    results: new Uint8Array(results).fill(I32),
  };
}
