import type { FunctionDescription, ModuleDescription } from '../model/module-description.ts';
import type { RecordSchema, ValueType } from '../model/schema.ts';

const IDENTIFIER = /^[A-Za-z][A-Za-z0-9_]*$/;
/** What a type may not be called. */
const RESERVED = new Set(
  'any bigint boolean default enum export extends function import interface never null number object package string symbol type undefined unknown void'.split(
    ' ',
  ),
);

/**
 * The records and functions of a module as TypeScript: what `module<Types>(…)` of a pipeline takes.
 * `name` is the catalog name of the module; the type is called after it.
 */
export function typeText(name: string, description: ModuleDescription): string {
  const names = typeNames(name, description.records);
  const records = description.records.map((record) => recordText(record, names));
  const members = description.records.map(
    (record) => `    readonly ${keyText(record.name)}: ${names.get(record.name)};`,
  );
  const functions = description.functions.map(
    (one) => `    readonly ${keyText(one.name)}: ${functionText(one, names)};`,
  );
  return [
    `/** Records and functions of module "${name}". Written by \`millrace types\`: write it anew when the module changes. */`,
    `export type ${names.get('')} = {`,
    '  readonly records: {',
    ...members,
    '  };',
    '  readonly functions: {',
    ...functions,
    '  };',
    '};',
    '',
    ...records,
  ].join('\n');
}

/** A name of its own for each record, and for the module under the name of nothing. */
function typeNames(name: string, records: readonly RecordSchema[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const { name: record } of records) names.set(record, freeName(identifier(record), taken));
  names.set('', freeName(`${pascal(name)}Module`, taken));
  return names;
}

function freeName(wanted: string, taken: Set<string>): string {
  let free = wanted;
  while (taken.has(free) || RESERVED.has(free)) free += '_';
  taken.add(free);
  return free;
}

function identifier(name: string): string {
  return name.replaceAll('-', '_');
}

function pascal(name: string): string {
  return name
    .split(/[-_]/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');
}

function keyText(name: string): string {
  return IDENTIFIER.test(name) ? name : JSON.stringify(name);
}

function recordText(record: RecordSchema, names: ReadonlyMap<string, string>): string {
  const fields = record.fields.map(
    ({ name, type }) => `  readonly ${keyText(name)}: ${valueText(type, names)};`,
  );
  return `export interface ${names.get(record.name)} {\n${fields.join('\n')}\n}\n`;
}

function functionText(
  { kind, input, output }: FunctionDescription,
  names: ReadonlyMap<string, string>,
): string {
  const [from, to] = [names.get(input.name), names.get(output.name)];
  return `{ readonly kind: '${kind}'; readonly input: ${from}; readonly output: ${to} }`;
}

function valueText(type: ValueType, names: ReadonlyMap<string, string>): string {
  switch (type.kind) {
    case 'bool':
      return 'boolean';
    case 'i32':
    case 'u32':
    case 'f32':
    case 'f64':
      return 'number';
    case 'i64':
    case 'u64':
    case 'timestamp':
      return 'bigint';
    case 'string':
      return 'string';
    case 'bytes':
      return 'Uint8Array';
    case 'optional':
      return `${valueText(type.of, names)} | null`;
    case 'list':
      return `readonly (${valueText(type.of, names)})[]`.replace(
        /^readonly \((\w+)\)/,
        'readonly $1',
      );
    case 'record':
      return names.get(type.record.name) ?? 'object';
    default:
      return type satisfies never;
  }
}
