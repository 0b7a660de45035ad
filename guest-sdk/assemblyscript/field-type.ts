/** From the type a user wrote on a field to the type in a row. */
import type { Compiler, NamedType, Source, TypeNode } from './compiler-api.ts';
import type { FileNames, Meaning } from './file-names.ts';
import type { FieldType } from './module-model.ts';

const SCALARS: ReadonlySet<string> = new Set(['bool', 'i32', 'u32', 'i64', 'u64', 'f32', 'f64']);
/** `boolean` is AssemblyScript's other name for `bool`. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['boolean', 'bool'],
  ['String', 'string'],
]);
const SUPPORTED =
  'bool, i32, u32, i64, u64, f32, f64, string, Utf8, Bytes, Uint8Array, Timestamp, Optional<…> of ' +
  'a number, bool or Timestamp, Array<…>, a @record class, or one of the last but Optional with "| null"';
/** Nested lists and records of one field; `SCHEMA_DEPTH_MAX` of the host. */
const DEPTH_MAX = 8;

export interface TypeContext {
  readonly compiler: Compiler;
  readonly names: FileNames;
  readonly source: Source;
}

/** The field type, or what is wrong with it. */
export function readFieldType(context: TypeContext, node: TypeNode): FieldType | string {
  return readType(context, node, 0);
}

function readType(context: TypeContext, node: TypeNode, depth: number): FieldType | string {
  if (node.kind !== context.compiler.NodeKind.NamedType) return unsupported('this type');
  const named = node as NamedType;
  const written = named.name.identifier.text;
  if (named.name.next !== null) return unsupported(`type "${written}.…"`);
  if (depth > DEPTH_MAX) return `lists nest at most ${DEPTH_MAX} deep`;
  const meaning = context.names.resolve(context.source, written);
  const name = meaning?.kind === 'sdk' ? meaning.name : (ALIASES.get(written) ?? written);
  const scalar = readScalar(name, meaning);
  if (scalar !== undefined) {
    return named.isNullable
      ? `a ${name} is never null; write "Optional<${written}>"`
      : { kind: 'scalar', code: scalar === 'timestamp' ? 'i64' : name, schema: scalar };
  }
  if (meaning?.kind === 'sdk' && name === 'Optional') return readOptional(context, named, written);
  if (meaning?.kind !== 'record' && name === 'Array') return readList(context, named, depth);
  return readReference(named, written, name, meaning);
}

function readScalar(name: string, meaning: Meaning | undefined): string | undefined {
  if (meaning === undefined) return SCALARS.has(name) ? name : undefined;
  return meaning.kind === 'sdk' && name === 'Timestamp' ? 'timestamp' : undefined;
}

function readOptional(context: TypeContext, node: NamedType, written: string): FieldType | string {
  const argument = onlyArgument(node);
  if (argument === undefined) return 'Optional takes one type, as in "Optional<i32>"';
  if (node.isNullable) return 'an Optional is never null itself; leave out "| null"';
  const inner = readType(context, argument, 1);
  if (typeof inner === 'string') return inner;
  if (inner.kind !== 'scalar') {
    return 'Optional is for numbers, bool and Timestamp; write "| null" for other types';
  }
  return {
    kind: 'optional',
    code: `${written}<${inner.code}>`,
    schema: `optional<${inner.schema}>`,
  };
}

function readList(context: TypeContext, node: NamedType, depth: number): FieldType | string {
  const argument = onlyArgument(node);
  if (argument === undefined) return 'Array takes one type, as in "Array<string>"';
  const element = readType(context, argument, depth + 1);
  if (typeof element === 'string') return element;
  if (element.kind === 'optional' || (element.kind === 'reference' && element.nullable)) {
    return 'a list does not hold null';
  }
  return {
    kind: 'reference',
    code: `Array<${element.code}>`,
    schema: optional(`list<${element.schema}>`, node.isNullable),
    shape: 'list',
    nullable: node.isNullable,
    mutable: true,
    nested: element.kind === 'reference' ? element.nested : undefined,
  };
}

function readReference(
  node: NamedType,
  written: string,
  name: string,
  meaning: Meaning | undefined,
): FieldType | string {
  if (node.typeArguments !== null && node.typeArguments.length > 0) {
    return unsupported(`type "${written}<…>"`);
  }
  const nullable = node.isNullable;
  const of = (schema: string, shape: 'string' | 'bytes' | 'record', mutable: boolean) => ({
    kind: 'reference' as const,
    code: written,
    schema: optional(schema, nullable),
    shape,
    nullable,
    mutable,
    nested: meaning?.kind === 'record' ? meaning.record : undefined,
  });
  if (meaning?.kind === 'record') return of(meaning.record.name, 'record', true);
  if (meaning?.kind === 'sdk') {
    if (name === 'Utf8') return of('string', 'string', false);
    if (name === 'Bytes') return of('bytes', 'bytes', false);
  } else {
    if (name === 'string') return of('string', 'string', false);
    if (name === 'Uint8Array') return of('bytes', 'bytes', true);
  }
  if (name === 'Utf8' || name === 'Bytes' || name === 'Timestamp' || name === 'Optional') {
    return `"${name}" is not imported from "@millrace/guest-sdk"`;
  }
  return unsupported(`type "${written}"`);
}

function onlyArgument(node: NamedType): TypeNode | undefined {
  return node.typeArguments?.length === 1 ? node.typeArguments[0] : undefined;
}

function optional(schema: string, nullable: boolean): string {
  return nullable ? `optional<${schema}>` : schema;
}

function unsupported(what: string): string {
  return `${what} cannot be a field of a record; supported: ${SUPPORTED}`;
}
