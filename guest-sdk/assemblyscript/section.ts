/** The custom section `millrace` (`ABI.md`, section 3). */
import type { JoinModel, ModuleModel } from './module-model.ts';

const ABI_VERSION = 1;

/** UTF-8 JSON that describes the module. */
export function describeModule(module: ModuleModel, sdkVersion: string): Uint8Array {
  const description = {
    abi: ABI_VERSION,
    sdk: `assemblyscript ${sdkVersion}`,
    records: module.records.map(({ name, fields }) => ({
      name,
      fields: fields.map((field) => ({ name: field.name, type: field.type.schema })),
    })),
    functions: module.functions.map(({ name, kind, input, output, accumulator, join }) => ({
      name,
      kind,
      input: input.record.name,
      ...(join === undefined ? {} : joinKeys(join)),
      ...(accumulator === undefined ? {} : { accumulator: accumulator.record.name }),
      output: output.record.name,
    })),
  };
  return new TextEncoder().encode(JSON.stringify(description));
}

function joinKeys({ right, leftOptional, rightOptional }: JoinModel) {
  const optional = [...(leftOptional ? ['input'] : []), ...(rightOptional ? ['second'] : [])];
  return { second: right.record.name, ...(optional.length === 0 ? {} : { optional }) };
}
