/** Records of a custom section with the names in their types replaced by the records they mean. */
import { FIELDS_EXPANDED_MAX, SCHEMA_DEPTH_MAX } from '../limits.ts';
import type { RecordSchema, ScalarKind, ValueType } from '../model/schema.ts';

/** A record as the section has it, its shape checked, types as text. */
export interface RecordEntry {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly type: string }[];
}

/** A well-shaped entry of the section and the path it is reported under. */
export interface Entry<T> {
  readonly path: string;
  readonly value: T;
}

const SCALARS: ReadonlySet<string> = new Set<ScalarKind>([
  'bool',
  'i32',
  'u32',
  'i64',
  'u64',
  'f32',
  'f64',
  'string',
  'bytes',
  'timestamp',
]);

/** What types are built from; no record may be called so. */
const RESERVED: ReadonlySet<string> = new Set([...SCALARS, 'optional', 'list']);

/** A record with what it amounts to when the records inside it are unfolded. */
interface Resolved {
  readonly schema: RecordSchema;
  /** Levels of lists and records below it. */
  readonly depth: number;
  /** Fields, those of nested records counted where they appear. */
  readonly fields: number;
}

export interface ResolvedType {
  readonly type: ValueType;
  readonly depth: number;
  readonly fields: number;
}

interface Resolving {
  readonly entries: ReadonlyMap<string, Entry<RecordEntry>>;
  /** Names of records, those with faults included. */
  readonly known: ReadonlySet<string>;
  readonly done: Map<string, Resolved | undefined>;
  /** Names of the records that are being resolved, outermost first. */
  readonly open: string[];
  readonly findings: string[];
}

export interface OpenedRecords {
  readonly resolved: ReadonlyMap<string, RecordSchema>;
  /** The type that a text of the section stands for, records by name; `path` is told where something is wrong. */
  typeOf(text: string, path: string): ResolvedType | undefined;
}

/**
 * Resolves `records` by name, in their order. What is wrong goes to `findings`; a record with a fault, or
 * that holds one, is left out. `known` are the names that exist but may be ill-shaped.
 */
export function openRecords(
  records: readonly Entry<RecordEntry>[],
  known: ReadonlySet<string>,
  findings: string[],
): OpenedRecords {
  const entries = new Map<string, Entry<RecordEntry>>();
  for (const entry of records) {
    const { name } = entry.value;
    if (RESERVED.has(name)) findings.push(`${entry.path}.name: "${name}" is the name of a type`);
    if (entries.has(name)) findings.push(`${entry.path}.name: there are two records "${name}"`);
    else entries.set(name, entry);
  }
  const resolving: Resolving = { entries, known, done: new Map(), open: [], findings };
  const schemas = new Map<string, RecordSchema>();
  for (const name of entries.keys()) {
    const resolved = resolveRecord(resolving, name);
    if (resolved !== undefined) schemas.set(name, resolved.schema);
  }
  return { resolved: schemas, typeOf: (text, path) => resolveType(resolving, text, path) };
}

function resolveRecord(resolving: Resolving, name: string): Resolved | undefined {
  const { entries, done, open, findings } = resolving;
  if (done.has(name)) return done.get(name);
  const entry = entries.get(name);
  if (entry === undefined) return undefined;
  open.push(name);
  const names = new Set<string>();
  const resolved = entry.value.fields.map((field, i) => {
    const path = `${entry.path}.fields[${i}]`;
    if (names.has(field.name)) findings.push(`${path}.name: there are two fields "${field.name}"`);
    names.add(field.name);
    return resolveType(resolving, field.type, `${path}.type`);
  });
  open.pop();
  const record = measure(entry, resolved, findings);
  done.set(name, record);
  return record;
}

function measure(
  entry: Entry<RecordEntry>,
  types: readonly (ResolvedType | undefined)[],
  findings: string[],
): Resolved | undefined {
  const whole = types.filter((type) => type !== undefined);
  if (whole.length < types.length) return undefined;
  const depth = Math.max(...whole.map((type) => type.depth));
  const fields = whole.reduce((sum, type) => sum + type.fields, 0);
  if (depth > SCHEMA_DEPTH_MAX) {
    findings.push(`${entry.path}: nests ${depth} levels deep, limit ${SCHEMA_DEPTH_MAX}`);
    return undefined;
  }
  if (fields > FIELDS_EXPANDED_MAX) {
    findings.push(
      `${entry.path}: has ${fields} fields with those of nested records, limit ${FIELDS_EXPANDED_MAX}`,
    );
    return undefined;
  }
  const schema: RecordSchema = {
    name: entry.value.name,
    fields: entry.value.fields.map((field, i) => ({ name: field.name, type: whole[i].type })),
  };
  return { schema, depth, fields };
}

const WRAPPED = /^(optional|list)<(.*)>$/s;

/** `place` is the type that directly holds this one. */
function resolveType(
  resolving: Resolving,
  text: string,
  path: string,
  place: 'field' | 'optional' | 'list' = 'field',
): ResolvedType | undefined {
  const { known, open, findings } = resolving;
  if (SCALARS.has(text)) return { type: { kind: text as ScalarKind }, depth: 0, fields: 1 };
  const wrapped = WRAPPED.exec(text);
  if (wrapped !== null) return resolveWrapped(resolving, wrapped, path, place);
  if (open.includes(text)) {
    const cycle = [...open.slice(open.indexOf(text)), text].join(' > ');
    findings.push(`${path}: a record may not contain itself: ${cycle}`);
    return undefined;
  }
  const resolved = resolveRecord(resolving, text);
  if (resolved === undefined) {
    if (!known.has(text)) findings.push(`${path}: no type ${JSON.stringify(text)}`);
    return undefined;
  }
  return {
    type: { kind: 'record', record: resolved.schema },
    depth: resolved.depth + 1,
    fields: resolved.fields,
  };
}

function resolveWrapped(
  resolving: Resolving,
  wrapped: RegExpExecArray,
  path: string,
  place: 'field' | 'optional' | 'list',
): ResolvedType | undefined {
  const kind = wrapped[1] === 'list' ? 'list' : 'optional';
  if (kind === 'optional' && place !== 'field') {
    resolving.findings.push(
      `${path}: an optional stands outermost, not inside ${place === 'list' ? 'a list' : 'another'}`,
    );
    return undefined;
  }
  const of = resolveType(resolving, wrapped[2], path, kind);
  if (of === undefined) return undefined;
  const depth = kind === 'list' ? of.depth + 1 : of.depth;
  return { type: { kind, of: of.type }, depth, fields: of.fields };
}
