import type { FunctionDescription, ModuleDescription } from '../model/module-description.ts';
import { formatType } from '../model/schema.ts';

/**
 * The custom section `millrace` of a description, UTF-8 JSON: the inverse of `readSection`. For tests and SDKs.
 * Every record that a function or a field names must be among `description.records`.
 */
export function writeSection(description: ModuleDescription): Uint8Array {
  const section = {
    abi: description.abi,
    sdk: description.sdk,
    records: description.records.map((record) => ({
      name: record.name,
      fields: record.fields.map(({ name, type }) => ({ name, type: formatType(type) })),
    })),
    functions: description.functions.map(functionEntry),
  };
  return new TextEncoder().encode(JSON.stringify(section));
}

function functionEntry({ name, kind, input, output, state }: FunctionDescription): object {
  const accumulator = kind === 'aggregate' ? { accumulator: state?.name } : {};
  return { name, kind, input: input.name, ...accumulator, output: output.name };
}
