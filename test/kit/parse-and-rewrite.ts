import { readFunctionNames } from '../../host/sandbox/rewrite/function-names.ts';
import { rewriteModule } from '../../host/sandbox/rewrite/rewrite-module.ts';
import { type Finding, Findings } from '../../host/sandbox/wasm/findings.ts';
import { parseModule } from '../../host/sandbox/wasm/parse-module.ts';

/** What the gate's parser finds wrong with a module, the ABI left aside. */
export function findingsOf(bytes: Uint8Array): readonly Finding[] {
  const findings = new Findings();
  parseModule(bytes, findings);
  return findings.list;
}

/** The module with fuel, depth and limits written in, or undefined when the parser refuses it. */
export function rewritten(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const findings = new Findings();
  const module = parseModule(bytes, findings);
  if (findings.any) return undefined;
  const options = { importCost: () => 1, names: readFunctionNames(module) };
  return rewriteModule(module, options) as Uint8Array<ArrayBuffer>;
}
