/** Finds the @record classes of a module and reads their fields. */
import type {
  Compiler,
  Declaration,
  FunctionDeclaration,
  Source,
  VariableLike,
} from './compiler-api.ts';
import { readFieldType } from './field-type.ts';
import { asClass, type FileNames, identifierText } from './file-names.ts';
import type { FieldModel, RecordModel, Report } from './module-model.ts';

/** `FIELDS_MAX` of the host. */
const FIELDS_MAX = 256;
/** `NAME_CHARS_MAX` of the host. */
const NAME_CHARS_MAX = 64;
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

interface ScanContext {
  readonly compiler: Compiler;
  readonly names: FileNames;
  readonly report: Report;
}

/** All records of the files, with their fields. */
export function scanRecords(context: ScanContext, sources: readonly Source[]): RecordModel[] {
  const records: RecordModel[] = [];
  const byName = new Map<string, RecordModel>();
  for (const source of sources) {
    for (const statement of source.statements) {
      const declaration = asClass(context.compiler, statement);
      if (declaration === undefined || !isDecorated(context, source, declaration)) continue;
      const record: RecordModel = { name: declaration.name.text, declaration, source, fields: [] };
      checkName(context.report, 'record', declaration);
      if (byName.has(record.name)) {
        context.report(declaration.name.range, `there are two records "${record.name}"`);
        continue;
      }
      byName.set(record.name, record);
      context.names.addRecord(record);
      records.push(record);
    }
  }
  for (const record of records) readRecord(context, record);
  for (const record of records) checkRecursion(context, record);
  return records;
}

/** Whether the record decorator stands on the class. */
export function isDecorated(
  context: Pick<ScanContext, 'compiler' | 'names'>,
  source: Source,
  declaration: Declaration,
  wanted = 'record',
): boolean {
  return (declaration.decorators ?? []).some((decorator) => {
    const name = identifierText(context.compiler, decorator.name);
    if (name === undefined) return false;
    const meaning = context.names.resolve(source, name);
    return meaning?.kind === 'sdk' ? meaning.name === wanted : name === wanted;
  });
}

/** Reports a name that the custom section cannot carry. */
export function checkName(report: Report, what: string, declaration: Declaration): void {
  const { text } = declaration.name;
  if (NAME.test(text) && text.length <= NAME_CHARS_MAX) return;
  report(
    declaration.name.range,
    `${what} name "${text}" is not allowed: a letter, then letters, digits and "_", at most ${NAME_CHARS_MAX}`,
  );
}

function readRecord(context: ScanContext, record: RecordModel): void {
  const { compiler, report } = context;
  const { declaration } = record;
  const what = `record "${record.name}"`;
  if (declaration.typeParameters !== null && declaration.typeParameters.length > 0) {
    report(declaration.name.range, `${what} cannot have type parameters`);
  }
  if (declaration.extendsType !== null) {
    report(declaration.name.range, `${what} cannot extend a class`);
  }
  const fields: FieldModel[] = [];
  for (const member of declaration.members) {
    if (member.kind !== compiler.NodeKind.FieldDeclaration) {
      checkMember(context, record, member as FunctionDeclaration);
    } else if ((member.flags & compiler.CommonFlags.Static) === 0) {
      const field = readField(context, record, member as VariableLike, fields.length);
      if (field !== undefined) fields.push(field);
    }
  }
  record.fields = fields;
  const isEmpty = !declaration.members.some(
    (member) => member.kind === compiler.NodeKind.FieldDeclaration,
  );
  if (isEmpty) report(declaration.name.range, `${what} has no fields`);
  if (fields.length > FIELDS_MAX) {
    report(declaration.name.range, `${what} has ${fields.length} fields, limit ${FIELDS_MAX}`);
  }
}

function readField(
  context: ScanContext,
  record: RecordModel,
  member: VariableLike,
  index: number,
): FieldModel | undefined {
  const { compiler, names, report } = context;
  const name = member.name.text;
  checkName(report, 'field', member);
  const { Private, Protected, Readonly } = compiler.CommonFlags;
  if ((member.flags & (Private | Protected | Readonly)) !== 0) {
    report(member.name.range, `field "${name}" cannot be private, protected or readonly`);
  }
  const clash = record.declaration.members.find(
    (other) =>
      other !== member &&
      other.name.text === name &&
      (other.kind !== compiler.NodeKind.FieldDeclaration ||
        record.declaration.members.indexOf(other) < record.declaration.members.indexOf(member)),
  );
  if (clash !== undefined) {
    report(member.name.range, `record "${record.name}" has two members "${name}"`);
    return undefined;
  }
  if (member.type === null) {
    report(member.name.range, `field "${name}" needs a type`);
    return undefined;
  }
  const type = readFieldType({ compiler, names, source: record.source }, member.type);
  if (typeof type === 'string') {
    report(member.type.range, `field "${name}": ${type}`);
    return undefined;
  }
  return { name, index, type, initializer: member.initializer, range: member.name.range };
}

function checkMember(context: ScanContext, record: RecordModel, member: FunctionDeclaration): void {
  const { compiler, report } = context;
  if (member.name.kind === compiler.NodeKind.Constructor) {
    report(
      member.name.range,
      `record "${record.name}" cannot have a constructor; give its fields defaults`,
    );
  } else if (member.name.text.startsWith('__')) {
    report(member.name.range, `names that start with "__" are the compiler's`);
  }
}

function checkRecursion(context: ScanContext, record: RecordModel): void {
  for (const field of record.fields) {
    if (field.type.kind !== 'reference' || field.type.nested === undefined) continue;
    if (!contains(field.type.nested, record, new Set())) continue;
    context.report(
      field.range,
      `record "${record.name}" contains itself through field "${field.name}"`,
    );
  }
}

/** Whether a value of `record` is or holds a `target`. */
export function contains(
  record: RecordModel,
  target: RecordModel,
  seen: Set<RecordModel> = new Set(),
): boolean {
  if (record === target) return true;
  if (seen.has(record)) return false;
  seen.add(record);
  return record.fields.some(
    ({ type }) =>
      type.kind === 'reference' && type.nested !== undefined && contains(type.nested, target, seen),
  );
}
