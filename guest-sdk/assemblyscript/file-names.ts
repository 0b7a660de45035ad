/**
 * What the names in a user's files mean: imports from the SDK, records of the same file, records
 * imported from another file.
 */
import type {
  ClassDeclaration,
  Compiler,
  ExportStatement,
  Identifier,
  ImportStatement,
  Source,
} from './compiler-api.ts';
import type { RecordModel } from './module-model.ts';

/** The import path of the SDK, as AssemblyScript resolves it. */
export const SDK_PATH = '~lib/@millrace/guest-sdk';

export type Meaning =
  | { readonly kind: 'sdk'; readonly name: string }
  | { readonly kind: 'record'; readonly record: RecordModel };

export class FileNames {
  readonly #compiler: Compiler;
  readonly #sources: readonly Source[];
  readonly #records = new Map<Source, Map<string, RecordModel>>();

  constructor(compiler: Compiler, sources: readonly Source[]) {
    this.#compiler = compiler;
    this.#sources = sources;
  }

  /** Makes a record known in its file. False when the file has one of that name. */
  addRecord(record: RecordModel): boolean {
    let records = this.#records.get(record.source);
    if (records === undefined) {
      records = new Map();
      this.#records.set(record.source, records);
    }
    if (records.has(record.name)) return false;
    records.set(record.name, record);
    return true;
  }

  /** What `name` means in `source`; undefined when it is neither of the SDK nor a record. */
  resolve(source: Source, name: string): Meaning | undefined {
    return this.#resolve(source, name, 0);
  }

  #resolve(source: Source, name: string, depth: number): Meaning | undefined {
    if (depth > 32) return undefined;
    const record = this.#records.get(source)?.get(name);
    if (record !== undefined) return { kind: 'record', record };
    const { NodeKind } = this.#compiler;
    for (const statement of source.statements) {
      if (statement.kind === NodeKind.Import) {
        const { declarations, internalPath } = statement as ImportStatement;
        const found = declarations?.find((declaration) => declaration.name.text === name);
        if (found !== undefined) return this.#imported(internalPath, found.foreignName.text, depth);
      } else if (statement.kind === NodeKind.Export && depth > 0) {
        const meaning = this.#reExported(source, statement as ExportStatement, name, depth);
        if (meaning !== undefined) return meaning;
      }
    }
    return undefined;
  }

  #imported(path: string, name: string, depth: number): Meaning | undefined {
    if (path === SDK_PATH) return { kind: 'sdk', name };
    const file = this.#sources.find(
      (source) => source.internalPath === path || source.internalPath === `${path}/index`,
    );
    return file === undefined ? undefined : this.#resolve(file, name, depth + 1);
  }

  #reExported(
    source: Source,
    statement: ExportStatement,
    name: string,
    depth: number,
  ): Meaning | undefined {
    const { members, internalPath } = statement;
    if (members === null) {
      return internalPath === null ? undefined : this.#imported(internalPath, name, depth);
    }
    const member = members.find((candidate) => candidate.exportedName.text === name);
    if (member === undefined) return undefined;
    if (internalPath !== null) return this.#imported(internalPath, member.localName.text, depth);
    return member.localName.text === name
      ? undefined
      : this.#resolve(source, member.localName.text, depth + 1);
  }
}

/** The record decorator's target, if the statement is a class. */
export function asClass(
  compiler: Compiler,
  statement: { readonly kind: number },
): ClassDeclaration | undefined {
  return statement.kind === compiler.NodeKind.ClassDeclaration
    ? (statement as ClassDeclaration)
    : undefined;
}

/** The text of an identifier node. */
export function identifierText(
  compiler: Compiler,
  node: { readonly kind: number },
): string | undefined {
  return node.kind === compiler.NodeKind.Identifier ? (node as Identifier).text : undefined;
}
