import type { FunctionDescription, ModuleDescription } from '../model/module-description.ts';
import type { ProcessDescription } from '../model/process-description.ts';
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

function functionEntry(fn: FunctionDescription): object {
  const { name, kind, input, output, state } = fn;
  if (fn.process !== undefined) {
    const { second } = fn.process;
    const records = {
      input: input.name,
      ...(second && { second: second.name }),
      output: output.name,
    };
    return { name, kind, ...records, ...processEntry(fn.process) };
  }
  const accumulator = kind === 'aggregate' ? { accumulator: state?.name } : {};
  return { name, kind, input: input.name, ...accumulator, output: output.name };
}

function processEntry({ states, maps, sides, metrics }: ProcessDescription): object {
  const timed = (ttlMs: number | undefined) => (ttlMs === undefined ? {} : { ttl: ttlMs });
  const rows = states.map(({ name, kind, type, ttlMs }) => {
    return { name, kind, type: formatType(type), ...timed(ttlMs) };
  });
  const entries = maps.map(({ name, entry, broadcast, ttlMs }) => {
    const [key, value] = entry.fields.map(({ type }) => type);
    const of = value.kind === 'optional' ? value.of : value;
    const kind = broadcast ? 'broadcast' : 'map';
    return { name, kind, key: formatType(key), type: formatType(of), ...timed(ttlMs) };
  });
  const named = sides.map(({ name, record }) => ({ name, record: record.name }));
  return { states: [...rows, ...entries], sides: named, metrics };
}
