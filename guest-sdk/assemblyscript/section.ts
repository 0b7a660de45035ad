/** The custom section `millrace` (`ABI.md`, section 3). */
import type { JoinModel, ModuleModel, ProcessModel } from './module-model.ts';

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
    functions: module.functions.map((fn) => ({
      name: fn.name,
      kind: fn.kind,
      input: fn.input.record.name,
      ...(fn.join === undefined ? {} : joinKeys(fn.join)),
      ...(fn.accumulator === undefined ? {} : { accumulator: fn.accumulator.record.name }),
      output: fn.output.record.name,
      ...(fn.process === undefined ? {} : processKeys(fn.process)),
    })),
  };
  return new TextEncoder().encode(JSON.stringify(description));
}

function processKeys({ second, states, maps, sides, metrics }: ProcessModel) {
  const timed = (ttlMs: number | undefined) => (ttlMs === undefined ? {} : { ttl: ttlMs });
  return {
    ...(second === undefined ? {} : { second: second.record.name }),
    states: [
      ...states.map(({ name, kind, type, ttlMs }) => ({
        ...{ name, kind, type: type.schema },
        ...timed(ttlMs),
      })),
      ...maps.map(({ name, isBroadcast, key, value, ttlMs }) => ({
        ...{ name, kind: isBroadcast ? 'broadcast' : 'map' },
        ...{ key: key.schema, type: value.schema },
        ...timed(ttlMs),
      })),
    ],
    sides: sides.map(({ name, record }) => ({ name, record: record.record.name })),
    metrics,
  };
}

function joinKeys({ right, leftOptional, rightOptional }: JoinModel) {
  const optional = [...(leftOptional ? ['input'] : []), ...(rightOptional ? ['second'] : [])];
  return { second: right.record.name, ...(optional.length === 0 ? {} : { optional }) };
}
