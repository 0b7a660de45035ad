/** What the SDK has to know about one kind of function; a file of this folder each. */
import type {
  ClassDeclaration,
  Compiler,
  FunctionDeclaration,
  Node,
  Source,
} from '../compiler-api.ts';
import type { FileNames } from '../file-names.ts';
import type { FunctionKind, FunctionModel, Report } from '../module-model.ts';

export interface ScanContext {
  readonly compiler: Compiler;
  readonly names: FileNames;
  readonly report: Report;
}

/** The file that is being read. */
export interface Place extends ScanContext {
  readonly source: Source;
}

interface KindBase {
  readonly kind: FunctionKind;
  /** AssemblyScript text of the export `mr_<function>` (`ABI.md`, section 4), put into the function's file. */
  generate(fn: FunctionModel): string;
  /** Nodes of the user's that stand in the text as identifiers. */
  substitutions?(fn: FunctionModel): ReadonlyMap<string, Node>;
}

/** Written as a function: `export const f = map(…)`, or with a decorator. */
export interface FunctionForm extends KindBase {
  readonly form: 'function';
  /** What the types of the call form may leave out, as text; undefined = the type of the first parameter. */
  readonly impliedResult: 'bool' | 'void' | 'i64' | 'first parameter' | 'none';
  /** The function, or undefined after reporting what is wrong with its signature. */
  read(place: Place, declaration: FunctionDeclaration): FunctionModel | undefined;
}

/** Written as a class with a decorator. */
export interface ClassForm extends KindBase {
  readonly form: 'class';
  /** The function, or undefined after reporting what is wrong with its members. */
  read(place: Place, declaration: ClassDeclaration): FunctionModel | undefined;
}

export type Kind = FunctionForm | ClassForm;
