/**
 * What the compiler knows of a module: its records and functions, as `millrace types` writes them.
 *
 *     export type WordCount = {
 *       readonly records: { readonly Line: Line; readonly Word: Word };
 *       readonly functions: {
 *         readonly words: { readonly kind: 'flatMap'; readonly input: Line; readonly output: Word };
 *       };
 *     };
 */
export interface ModuleTypes {
  readonly records: { readonly [name: string]: object };
  readonly functions: { readonly [name: string]: FunctionTypes };
}

export interface FunctionTypes {
  readonly kind: string;
  readonly input: object;
  readonly output: object;
}

declare const typesOfModule: unique symbol;

/** A module's reference in a pipeline, with its types. */
export type TypedModule<Types extends ModuleTypes> = string & {
  readonly [typesOfModule]?: Types;
};

/** The types of a module, `undefined` when the reference has none. */
export type TypesOf<Reference> = Reference extends { readonly [typesOfModule]?: infer Types }
  ? Types extends ModuleTypes
    ? Types
    : undefined
  : undefined;

/**
 * A module in a pipeline built in TypeScript, so that the compiler checks what its functions are, what they take and yield.
 *
 *     modules: { text: module<WordCount>('word-count@1') }
 */
export function module<Types extends ModuleTypes>(reference: string): TypedModule<Types> {
  return reference as TypedModule<Types>;
}
