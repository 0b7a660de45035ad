/** Reading the signature of a function: its parameters and its result as records. */
import type { FunctionDeclaration, NamedType, Node, TypeNode } from '../compiler-api.ts';
import { identifierText } from '../file-names.ts';
import type { FunctionKind, FunctionModel, RecordUse } from '../module-model.ts';
import type { Place } from './kind.ts';

/** A function on its way to a model: what every kind that is written as a function has. */
export interface Signature {
  readonly place: Place;
  readonly declaration: FunctionDeclaration;
  /** The record of the first parameter. */
  readonly input: RecordUse;
  readonly result: TypeNode;
  /** Reports what is wrong at `where`, and how the kind is written. */
  fail(where: Node, what: string): undefined;
  made(output: RecordUse): FunctionModel;
}

export interface Wanted {
  readonly kind: FunctionKind;
  readonly parameters: number;
  /** The signature as it is written, for messages. */
  readonly written: string;
  /** The SDK's type around the first parameter's record, if any: `Rows<In>`. */
  readonly first?: string;
  /** The first parameter may be `| null`. */
  readonly nullable?: boolean;
}

/** Checks number and form of the parameters, and that the first is a record. */
export function readSignature(
  place: Place,
  declaration: FunctionDeclaration,
  wanted: Wanted,
): Signature | undefined {
  const { signature, name } = declaration;
  const fail = (where: Node, what: string): undefined => {
    place.report(
      where.range,
      `@${wanted.kind} "${name.text}" ${what}; it is written ${wanted.written}`,
    );
    return undefined;
  };
  const { parameters } = signature;
  if (parameters.length !== wanted.parameters) {
    return fail(name, `takes ${parameters.length} parameters`);
  }
  const unusual = parameters.find((one) => one.parameterKind !== 0 || one.initializer !== null);
  if (unusual !== undefined) return fail(unusual, 'has an optional or rest parameter');
  const { type } = parameters[0];
  const around = wanted.first;
  const plain = wanted.nullable === true ? namedRecord : recordOf;
  const input = around === undefined ? plain(place, type) : recordIn(place, type, around);
  if (input === undefined) {
    const what = around === undefined ? 'a @record' : `${around} of a @record`;
    return fail(type, `takes something that is not ${what}`);
  }
  const made = (output: RecordUse): FunctionModel => ({
    ...{ name: name.text, kind: wanted.kind, source: place.source, declaration },
    ...{ input, output, accumulator: undefined },
  });
  return { place, declaration, input, result: signature.returnType, fail, made };
}

/** The record that a type names; undefined when it is something else. */
export function recordOf(place: Place, type: TypeNode): RecordUse | undefined {
  return type.isNullable ? undefined : namedRecord(place, type);
}

/** As `recordOf`, with or without `| null` behind it. */
export function namedRecord(place: Place, type: TypeNode): RecordUse | undefined {
  if (type.kind !== place.compiler.NodeKind.NamedType) return undefined;
  const named = type as NamedType;
  if (named.name.next !== null || (named.typeArguments?.length ?? 0) > 0) return undefined;
  const code = named.name.identifier.text;
  const meaning = place.names.resolve(place.source, code);
  return meaning?.kind === 'record' ? { code, record: meaning.record } : undefined;
}

/** The record of `Emitter<Record>`, or of another type of the SDK with one type argument. */
export function recordIn(place: Place, type: TypeNode, sdkType: string): RecordUse | undefined {
  if (type.kind !== place.compiler.NodeKind.NamedType || type.isNullable) return undefined;
  const named = type as NamedType;
  const isWanted = sdkName(place, named.name.identifier) === sdkType;
  if (!isWanted || named.typeArguments?.length !== 1) return undefined;
  return recordOf(place, named.typeArguments[0]);
}

/** Whether the type is one of these names, without parameters. */
export function isNamed(type: TypeNode, ...names: readonly string[]): boolean {
  const named = type as NamedType;
  return !type.isNullable && names.includes(named.name?.identifier.text ?? '?');
}

/** The name under which the SDK has what this identifier means; its text when it is not the SDK's. */
export function sdkName(place: Place, name: Node): string | undefined {
  const text = identifierText(place.compiler, name);
  if (text === undefined) return undefined;
  const meaning = place.names.resolve(place.source, text);
  return meaning?.kind === 'sdk' ? meaning.name : text;
}
