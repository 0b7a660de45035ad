/**
 * The part of AssemblyScript's compiler that the SDK uses, as types of our own: the package's
 * declarations would put `i32`, `select` and other globals of AssemblyScript into every file of the
 * project. Loaded on first use, because the compiler and binaryen take a while to load.
 */

export interface Range {
  readonly start: number;
  readonly end: number;
  readonly source: Source;
}

export interface Source {
  sourceKind: number;
  readonly normalizedPath: string;
  readonly internalPath: string;
  readonly isLibrary: boolean;
  readonly text: string;
  debugInfoIndex: number;
  statements: Node[];
  lineAt(position: number): number;
  /** Of the position last given to `lineAt`. */
  columnAt(): number;
}

export interface Node {
  readonly kind: number;
  range: Range;
}

export interface Identifier extends Node {
  readonly text: string;
}

export interface Decorator extends Node {
  readonly decoratorKind: number;
  readonly name: Node;
  readonly args: readonly Node[] | null;
}

export interface TypeNode extends Node {
  readonly isNullable: boolean;
}

export interface NamedType extends TypeNode {
  readonly name: { readonly identifier: Identifier; readonly next: object | null };
  readonly typeArguments: readonly TypeNode[] | null;
}

export interface Declaration extends Node {
  readonly name: Identifier;
  decorators: Decorator[] | null;
  flags: number;
}

export interface VariableLike extends Declaration {
  readonly type: TypeNode | null;
  readonly initializer: Node | null;
}

export interface ClassDeclaration extends Declaration {
  readonly typeParameters: readonly Node[] | null;
  readonly extendsType: NamedType | null;
  members: Declaration[];
  readonly indexSignature: Node | null;
}

export interface Parameter extends Node {
  readonly parameterKind: number;
  readonly name: Identifier;
  readonly type: TypeNode;
  readonly initializer: Node | null;
}

export interface FunctionDeclaration extends Declaration {
  readonly typeParameters: readonly Node[] | null;
  readonly signature: { readonly parameters: readonly Parameter[]; returnType: TypeNode };
  body: (Node & { statements?: Node[]; expression?: Node }) | null;
  arrowKind: number;
}

export interface VariableStatement extends Node {
  readonly declarations: readonly VariableLike[];
}

export interface NamespaceDeclaration extends Declaration {
  readonly members: readonly Node[];
}

export interface ImportStatement extends Node {
  readonly declarations: readonly (Declaration & { readonly foreignName: Identifier })[] | null;
  readonly internalPath: string;
}

export interface ExportStatement extends Node {
  readonly members:
    | readonly { readonly localName: Identifier; readonly exportedName: Identifier }[]
    | null;
  readonly internalPath: string | null;
}

export interface CallExpression extends Node {
  readonly expression: Node;
  readonly args: readonly Node[];
}

export interface NewExpression extends Node {
  readonly typeName: { readonly identifier: Identifier; readonly next: object | null };
  readonly typeArguments: readonly TypeNode[] | null;
  readonly args: readonly Node[];
}

export interface StringLiteral extends Node {
  readonly literalKind: number;
  readonly value: string;
}

export interface Parser {
  readonly sources: Source[];
  readonly diagnostics: readonly unknown[];
  parseFile(text: string | null, path: string, isEntry: boolean): void;
  /** No file follows. */
  finish(): void;
}

export interface Element {
  readonly kind: number;
  readonly name: string;
  readonly declaration: Declaration;
  readonly type: { readonly flags: number; getClass(): ClassType | null };
  readonly members: ReadonlyMap<string, Element> | null;
}

export interface ClassType {
  readonly prototype: { readonly name: string; readonly internalName: string };
  readonly typeArguments:
    | readonly { getClass(): ClassType | null; readonly flags: number }[]
    | null;
}

export interface Program {
  readonly parser: Parser;
  readonly sources: readonly Source[];
  readonly elementsByName: ReadonlyMap<string, Element>;
}

/** The compiler at work on one program. Expressions are numbers: pointers of binaryen. */
export interface CompilerRun {
  compile(): { readonly ref: number };
  /** A block: the call of `abort`, then `unreachable`. */
  makeStaticAbort(message: number, place: Node): number;
  addDebugLocation(expression: number, range: Range): void;
}

export interface Diagnostic {
  readonly code: number;
  readonly message: string;
  readonly range: Range | null;
}

type Kinds = { readonly [name: string]: number };

export interface Compiler {
  readonly NodeKind: Kinds;
  readonly CommonFlags: Kinds;
  readonly DecoratorKind: Kinds;
  readonly LiteralKind: Kinds;
  readonly ParameterKind: Kinds;
  readonly SourceKind: Kinds;
  readonly ElementKind: Kinds;
  readonly TypeFlags: Kinds;
  readonly DiagnosticCode: Kinds;
  /** Token number → name. */
  readonly Token: { readonly [token: string]: string };
  readonly Node: { new (): Node } & Record<string, (...args: unknown[]) => Node>;
  readonly Source: { readonly native: Source };
  readonly Parser: { new (diagnostics: unknown[], sources: Source[]): Parser };
  readonly FunctionDeclaration: { new (...args: unknown[]): FunctionDeclaration };
  newOptions(): object;
  setRuntime(options: object, runtime: number): void;
  setSourceMap(options: object, on: boolean): void;
  setExportMemory(options: object, on: boolean): void;
  setFeature(options: object, feature: number, on: boolean): void;
  readonly FEATURE_SIMD: number;
  setOptimizeLevelHints(options: object, optimize: number, shrink: number): void;
  newProgram(options: object): Program;
  parse(program: Program, text: string | null, path: string, isEntry: boolean): void;
  nextFile(program: Program): string | null;
  nextDiagnostic(program: Program): Diagnostic | null;
  isError(diagnostic: Diagnostic): boolean;
  initializeProgram(program: Program): void;
  readonly Compiler: { new (program: Program): CompilerRun };
  getBlockChildAt(block: number, index: number): number;
  validate(module: object): boolean;
  optimize(module: object, optimize: number, shrink: number, debug: boolean): void;
}

export interface BinaryenModule {
  addCustomSection(name: string, contents: Uint8Array): void;
  emitBinary(sourceMapUrl: string): { readonly binary: Uint8Array; readonly sourceMap: string };
  runPasses(passes: readonly string[]): void;
  getNumFunctions(): number;
  getFunctionByIndex(index: number): number;
  dispose(): void;
}

export interface Toolchain {
  readonly compiler: Compiler;
  readonly binaryen: {
    wrapModule(reference: number): BinaryenModule;
    getFunctionInfo(reference: number): {
      readonly name: string;
      readonly module: string;
      readonly base: string;
    };
  };
  /** The standard library: `array` → source text. */
  readonly library: Readonly<Record<string, string>>;
}

let toolchain: Promise<Toolchain> | undefined;

/** The compiler, binaryen and the standard library; the same for every compilation. */
export function loadToolchain(): Promise<Toolchain> {
  toolchain ??= load();
  return toolchain;
}

async function load(): Promise<Toolchain> {
  const names: readonly string[] = [
    'assemblyscript',
    'assemblyscript/binaryen',
    'assemblyscript/asc',
  ];
  const [compiler, binaryen, frontend] = await Promise.all(names.map((name) => import(name)));
  return { compiler, binaryen: binaryen.default, library: frontend.libraryFiles };
}
