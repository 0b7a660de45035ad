import { createHash } from 'node:crypto';
import { MillraceError } from '../errors.ts';
import { MODULE_BYTES_MAX } from '../limits.ts';
import { allowedImport, checkImports } from './allowed-imports.ts';
import { checkAbi } from './check-abi.ts';
import type { Gate } from './guest.ts';
import { LINES_SECTION } from './line-table.ts';
import { readFunctionNames } from './rewrite/function-names.ts';
import { memoryMaximum, rewriteModule } from './rewrite/rewrite-module.ts';
import { type FindingCode, Findings, formatFinding } from './wasm/findings.ts';
import { parseModule } from './wasm/parse-module.ts';
import type { WasmModule } from './wasm/wasm-module.ts';

/** Which code the error gets when there are findings of several: the most basic one. */
const PRECEDENCE: readonly FindingCode[] = [
  'MODULE_MALFORMED',
  'MODULE_REFUSED',
  'MODULE_SECTION_MISSING',
  'MODULE_SECTION_INVALID',
  'MODULE_ABI_VERSION',
  'MODULE_SIGNATURE',
];

const HINTS: Readonly<Partial<Record<FindingCode, string>>> = {
  MODULE_MALFORMED: 'upload the .wasm file as the compiler wrote it',
  MODULE_REFUSED: 'guest-sdk/ABI.md lists the imports and features a module may use',
  MODULE_SECTION_MISSING: 'build the module with `millrace build` or one of the guest SDKs',
  MODULE_SECTION_INVALID: 'build the module with `millrace build` or one of the guest SDKs',
  MODULE_ABI_VERSION: 'rebuild the module with an SDK for the ABI version of this host',
  MODULE_SIGNATURE: 'guest-sdk/ABI.md, section 4, lists the exports a module must have',
};

/**
 * Lets an upload in or says everything that is wrong with it. Parses, validates and rewrites in
 * TypeScript alone, so that the control process may call it: nothing of the upload is compiled here.
 *
 * Throws `MODULE_TOO_LARGE`, `MODULE_MALFORMED`, `MODULE_REFUSED`, `MODULE_SECTION_MISSING`,
 * `MODULE_SECTION_INVALID`, `MODULE_ABI_VERSION` or `MODULE_SIGNATURE`, with every finding in `details`.
 *
 * A `start` section is let in: it runs at instantiation, under fuel.
 */
export const gate: Gate = (upload) => {
  if (upload.length > MODULE_BYTES_MAX) {
    throw new MillraceError(
      'MODULE_TOO_LARGE',
      `module has ${upload.length} bytes, limit ${MODULE_BYTES_MAX}`,
      { hint: 'build with optimisation and without debug sections' },
    );
  }
  // The caller may reuse its buffer; what is checked must be what is rewritten.
  const bytes = Uint8Array.from(upload);
  const findings = new Findings();
  const module = parseModule(bytes, findings);
  if (findings.any) throw refusal(module, findings);
  checkImports(module, findings);
  const description = checkAbi(module, findings);
  if (findings.any || description === undefined) throw refusal(module, findings);
  const fuels = importFuels(module);
  const rewritten = rewriteModule(module, {
    importCost: (index) => fuels[index],
    names: readFunctionNames(module),
  });
  return {
    digest: createHash('sha256').update(bytes).digest('hex'),
    description,
    rewritten,
    functions: module.bodies.length,
    imports: module.imports.map(({ module: from, name }) => `${from}.${name}`),
    memoryPages: memoryMaximum(module.memories[0]),
    sourceLines: module.customs.some(({ name }) => name === LINES_SECTION),
  };
};

/** Fuel per imported function, by index. */
function importFuels(module: WasmModule): number[] {
  return module.imports
    .filter((entry) => entry.kind === 'function')
    .map((entry) => allowedImport(entry.module, entry.name)?.fuel ?? 0);
}

function refusal(module: WasmModule, findings: Findings): MillraceError {
  const { list, dropped } = findings;
  const code = PRECEDENCE.find((known) => list.some((finding) => finding.code === known));
  const first = list.find((finding) => finding.code === code);
  if (code === undefined || first === undefined) {
    return new MillraceError('INTERNAL', 'a module was refused without a finding');
  }
  const names = readFunctionNames(module);
  const format = (finding: typeof first) => formatFinding(finding, (index) => names.get(index));
  const more = list.length + dropped - 1;
  const details = list.map(format);
  if (dropped > 0) details.push(`… and ${dropped} more`);
  return new MillraceError(
    code,
    more > 0 ? `${format(first)}, and ${more} more findings` : format(first),
    { hint: HINTS[code] ?? '', details },
  );
}
