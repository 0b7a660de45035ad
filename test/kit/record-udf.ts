import type { RecordSchema, ValueType } from '../../host/model/schema.ts';

/** How text and bytes are held in the functions: as AssemblyScript objects or left where they are. */
export type TextStyle = 'objects' | 'spans';

/**
 * A source file with the records and, for each record `R`, four maps that must all give back what they
 * get: `identity_R` returns its input, `touch_R` reads every field of it first, `partial_R` sets one
 * field to itself so that the rest is copied undecoded, `rebuild_R` makes a new record value by value.
 */
export function recordUdf(records: readonly RecordSchema[], style: TextStyle): string {
  const lists = new Map<string, ValueType>();
  const parts = records.map((record) => recordText(record, style, lists));
  const listCopies: string[] = [];
  for (const type of lists.values()) {
    if (type.kind === 'list') listCopies.push(listText(type, style, lists));
  }
  return [
    "import { Bytes, map, none, Optional, record, some, Timestamp, Utf8 } from '@millrace/guest-sdk';",
    ...parts,
    ...listCopies,
  ].join('\n\n');
}

function recordText(record: RecordSchema, style: TextStyle, lists: Map<string, ValueType>): string {
  const { name, fields } = record;
  const reads = fields.map((field, i) => `const v${i} = input.${field.name};`);
  const copies = fields.map((field) => copyField(field.name, field.type, style, lists));
  const settable = fields.find(({ type }) => inner(type).kind === 'string') ?? fields[0];
  const self = `input.${settable.name}`;
  return `@record
class ${name} {
  ${fields.map((field) => `${field.name}: ${typeText(field.type, style)};`).join('\n  ')}
}
function copy${name}(from: ${name}): ${name} {
  const to = new ${name}();
  ${copies.join('\n  ')}
  return to;
}
@map export function identity_${name}(input: ${name}): ${name} { return input; }
@map export function touch_${name}(input: ${name}): ${name} { ${reads.join(' ')} return input; }
@map export function partial_${name}(input: ${name}): ${name} { ${self} = ${self}; return input; }
@map export function rebuild_${name}(input: ${name}): ${name} { return copy${name}(input); }`;
}

function inner(type: ValueType): ValueType {
  return type.kind === 'optional' ? type.of : type;
}

function copyField(
  name: string,
  type: ValueType,
  style: TextStyle,
  lists: Map<string, ValueType>,
): string {
  const of = inner(type);
  if (type.kind !== 'optional' || !isReference(of)) {
    return `to.${name} = ${copyText(type, `from.${name}`, style, lists)};`;
  }
  const copied = copyText(of, `${name}_`, style, lists);
  return `const ${name}_ = from.${name}; if (${name}_ !== null) to.${name} = ${copied};`;
}

function copyText(
  type: ValueType,
  value: string,
  style: TextStyle,
  lists: Map<string, ValueType>,
): string {
  if (type.kind === 'record') return `copy${type.record.name}(${value})`;
  if (type.kind !== 'list') return value;
  const name = mangled(type, style);
  if (!lists.has(name)) {
    lists.set(name, type);
    // Lists of lists come after the list that holds them; Map iteration reaches them.
    copyText(type.of, 'value', style, lists);
  }
  return `${name}(${value})`;
}

function listText(
  type: ValueType & { readonly kind: 'list' },
  style: TextStyle,
  lists: Map<string, ValueType>,
): string {
  const code = typeText(type, style);
  const element = copyText(type.of, 'from[i]', style, lists);
  return `function ${mangled(type, style)}(from: ${code}): ${code} {
  const to = new ${code}(0);
  for (let i = 0; i < from.length; i++) to.push(${element});
  return to;
}`;
}

function mangled(type: ValueType, style: TextStyle): string {
  return `copy_${typeText(type, style).replaceAll(/[<>]/g, '_')}`;
}

function isReference(type: ValueType): boolean {
  return ['string', 'bytes', 'list', 'record'].includes(type.kind);
}

/** The type as the field of a record is declared. */
export function typeText(type: ValueType, style: TextStyle): string {
  switch (type.kind) {
    case 'optional':
      return isReference(type.of)
        ? `${typeText(type.of, style)} | null`
        : `Optional<${typeText(type.of, style)}>`;
    case 'list':
      return `Array<${typeText(type.of, style)}>`;
    case 'record':
      return type.record.name;
    case 'string':
      return style === 'spans' ? 'Utf8' : 'string';
    case 'bytes':
      return style === 'spans' ? 'Bytes' : 'Uint8Array';
    case 'timestamp':
      return 'Timestamp';
    default:
      return type.kind;
  }
}
