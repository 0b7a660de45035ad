import { ByteWriter } from '../../host/sandbox/rewrite/byte-writer.ts';
import { Findings } from '../../host/sandbox/wasm/findings.ts';
import { parseModule } from '../../host/sandbox/wasm/parse-module.ts';
import { SECTION } from '../../host/sandbox/wasm/wasm-module.ts';

/**
 * The module with its function bodies `times` over: as large as wished, and full of code that a compiler wrote. The copies
 * call the functions of the first.
 */
export function enlargedModule(bytes: Uint8Array, times: number): Uint8Array<ArrayBuffer> {
  const module = parseModule(bytes, new Findings());
  const out = new ByteWriter(bytes.length * times);
  out.bytes(bytes.subarray(0, 8));
  for (const { id, start, end } of module.sections) {
    const content = new ByteWriter(end - start);
    if (id === SECTION.function) {
      const types = module.functions.slice(module.importedFunctions);
      content.u32(types.length * times);
      for (let i = 0; i < times; i++) for (const type of types) content.u32(type);
    } else if (id === SECTION.code) {
      content.u32(module.bodies.length * times);
      for (let i = 0; i < times; i++) {
        for (const body of module.bodies) content.sized(bytes.subarray(body.start, body.end));
      }
    } else {
      content.copy(bytes, start, end);
    }
    out.byte(id);
    out.sized(content.written());
  }
  for (const { name, start, end } of module.customs) {
    const content = new ByteWriter(end - start + name.length);
    content.name(name);
    content.copy(bytes, start, end);
    out.byte(SECTION.custom);
    out.sized(content.written());
  }
  return Uint8Array.from(out.written());
}
