/**
 * The custom section `millrace` of a module (`guest-sdk/ABI.md`, section 3) as a description with names
 * resolved. The bytes come from an upload: every finding is reported, and what is accepted is bounded
 * (`FIELDS_MAX`, `SCHEMA_DEPTH_MAX`, `FIELDS_EXPANDED_MAX`), so that nothing built from it can blow up.
 */
import { z } from 'zod';
import { MillraceError } from '../errors.ts';
import { FIELDS_MAX, NAME_CHARS_MAX, SECTION_BYTES_MAX } from '../limits.ts';
import {
  ABI_VERSION,
  type FunctionDescription,
  type ModuleDescription,
} from '../model/module-description.ts';
import { isName } from '../model/name.ts';
import { PROCESS_KINDS, type ProcessKind, stateRecord } from '../model/process-description.ts';
import type { RecordSchema } from '../model/schema.ts';
import { describeProcess, processKeys } from './read-process.ts';
import { type Entry, openRecords, type ResolvedType } from './resolve-records.ts';

const name = z.string().refine(isName, {
  error: `is not a name: a letter, then letters, digits, "_" or "-", at most ${NAME_CHARS_MAX}`,
});

const sectionShape = z.strictObject({
  abi: z.number(),
  sdk: z.string().max(200),
  records: z.array(z.unknown()),
  functions: z.array(z.unknown()),
});

const recordShape = z.strictObject({
  name,
  fields: z
    .array(z.strictObject({ name, type: z.string().max(1_000) }))
    .min(1)
    .max(FIELDS_MAX),
});

const functionShape = z.discriminatedUnion('kind', [
  z.strictObject({ name, kind: z.enum(['map', 'flatMap', 'apply']), input: name, output: name }),
  z.strictObject({
    name,
    kind: z.enum(['filter', 'reduce', 'assignTimestamp']),
    input: name,
    output: name,
  }),
  z.strictObject({
    name,
    kind: z.literal('aggregate'),
    input: name,
    accumulator: name,
    output: name,
  }),
  z.strictObject({
    name,
    kind: z.literal('join'),
    input: name,
    second: name,
    optional: z
      .array(z.enum(['input', 'second']))
      .max(2)
      .optional(),
    output: name,
  }),
  z.strictObject({
    name,
    kind: z.literal('process'),
    input: name,
    output: name,
    ...processKeys(name),
  }),
  z.strictObject({
    name,
    kind: z.enum(['coProcess', 'broadcastProcess']),
    input: name,
    second: name,
    output: name,
    ...processKeys(name),
  }),
]);

type FunctionEntry = z.infer<typeof functionShape>;

/**
 * Reads the section's bytes. Throws `MODULE_SECTION_INVALID` with every finding in `details`, each with its
 * path in the section, and `MODULE_ABI_VERSION`.
 */
export function readSection(bytes: Uint8Array): ModuleDescription {
  const section = parse(bytes);
  const version = versionOf(section);
  if (version !== undefined && version !== ABI_VERSION) {
    throw new MillraceError(
      'MODULE_ABI_VERSION',
      `the module speaks ABI version ${version}, this host ${ABI_VERSION}`,
      { hint: 'rebuild the module with a guest SDK of this version of Millrace' },
    );
  }
  const findings: string[] = [];
  const shape = check(sectionShape, section, '', findings);
  // Whatever is wrong around them, the entries that are there are looked at too.
  const records = entries(arrayIn(section, 'records'), 'records', recordShape, findings);
  const functions = entries(arrayIn(section, 'functions'), 'functions', functionShape, findings);
  const known = namesOf(arrayIn(section, 'records'));
  const { resolved, typeOf } = openRecords(records, known, findings);
  const described = describeFunctions(functions, { resolved, known, typeOf }, findings);
  if (shape === undefined || findings.length > 0) throw invalid(findings);
  return {
    abi: ABI_VERSION,
    sdk: shape.sdk,
    records: [...resolved.values()],
    functions: described,
  };
}

function parse(bytes: Uint8Array): unknown {
  if (bytes.length > SECTION_BYTES_MAX) {
    throw invalid([`has ${bytes.length} bytes, limit ${SECTION_BYTES_MAX}`]);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw invalid(['is not JSON in UTF-8'], cause);
  }
}

function arrayIn(section: unknown, key: string): readonly unknown[] {
  if (typeof section !== 'object' || section === null) return [];
  const value: unknown = Reflect.get(section, key);
  return Array.isArray(value) ? value : [];
}

function versionOf(section: unknown): number | undefined {
  if (typeof section !== 'object' || section === null || !('abi' in section)) return undefined;
  return typeof section.abi === 'number' ? section.abi : undefined;
}

/** The value if it has the shape; what it lacks goes to `findings`, the path in front. */
function check<T>(
  shape: z.ZodType<T>,
  value: unknown,
  path: string,
  findings: string[],
): T | undefined {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const where = issue.path.map((key) =>
      typeof key === 'number' ? `[${key}]` : `.${String(key)}`,
    );
    const place = `${path}${where.join('')}`.replace(/^\./, '');
    findings.push(place === '' ? issue.message : `${place}: ${issue.message}`);
  }
  return undefined;
}

/** The well-shaped ones of `values`. */
function entries<T>(
  values: readonly unknown[],
  path: string,
  shape: z.ZodType<T>,
  findings: string[],
): Entry<T>[] {
  return values.flatMap((value, i) => {
    const entry = check(shape, value, `${path}[${i}]`, findings);
    return entry === undefined ? [] : [{ path: `${path}[${i}]`, value: entry }];
  });
}

/** The names that records have, ill-shaped ones included, so that one fault is reported once. */
function namesOf(records: readonly unknown[]): ReadonlySet<string> {
  const names = records.map((record) =>
    typeof record === 'object' && record !== null && 'name' in record ? record.name : undefined,
  );
  return new Set(names.filter((name) => typeof name === 'string'));
}

interface Records {
  readonly resolved: ReadonlyMap<string, RecordSchema>;
  /** Names of records, those with faults included. */
  readonly known: ReadonlySet<string>;
  typeOf(text: string, path: string): ResolvedType | undefined;
}

function describeFunctions(
  functions: readonly Entry<FunctionEntry>[],
  records: Records,
  findings: string[],
): FunctionDescription[] {
  const names = new Set<string>();
  return functions.flatMap(({ path, value }): FunctionDescription[] => {
    if (names.has(value.name)) findings.push(`${path}: there are two functions "${value.name}"`);
    names.add(value.name);
    const found = (role: string, record: string) => {
      if (!records.known.has(record)) findings.push(`${path}.${role}: no record "${record}"`);
      return records.resolved.get(record);
    };
    const input = found('input', value.input);
    const output = found('output', value.output);
    const sameKinds = ['filter', 'reduce', 'assignTimestamp'].includes(value.kind);
    if (sameKinds && value.input !== value.output) {
      findings.push(`${path}.output: a ${value.kind} gives back its input "${value.input}"`);
    }
    const accumulator =
      value.kind === 'aggregate' ? found('accumulator', value.accumulator) : undefined;
    const state = value.kind === 'reduce' ? input : accumulator;
    const second = 'second' in value ? found('second', value.second) : undefined;
    if (isProcess(value)) {
      const scope = { path, findings, second, typeOf: records.typeOf, recordOf: found };
      const isBroadcast = value.kind === 'broadcastProcess';
      const process = describeProcess(value, { ...scope, isBroadcast });
      if (input === undefined || output === undefined) return [];
      const { name, kind } = value;
      return [{ name, kind, input, output, state: stateRecord(process.states), process }];
    }
    if (input === undefined || output === undefined) return [];
    if (value.kind === 'join') {
      if (second === undefined) return [];
      const optional = value.optional ?? [];
      const join = {
        right: second,
        leftOptional: optional.includes('input'),
        rightOptional: optional.includes('second'),
      };
      return [{ name: value.name, kind: value.kind, input, output, state: undefined, join }];
    }
    return [{ name: value.name, kind: value.kind, input, output, state }];
  });
}

function isProcess(entry: FunctionEntry): entry is FunctionEntry & { kind: ProcessKind } {
  return PROCESS_KINDS.some((kind) => kind === entry.kind);
}

function invalid(findings: readonly string[], cause?: unknown): MillraceError {
  const count = findings.length === 1 ? '1 fault' : `${findings.length} faults`;
  return new MillraceError(
    'MODULE_SECTION_INVALID',
    `custom section "millrace" has ${count}: ${findings[0]}`,
    {
      details: findings,
      hint: 'rebuild the module with a guest SDK; section 3 of ABI.md has the form',
      cause,
    },
  );
}
