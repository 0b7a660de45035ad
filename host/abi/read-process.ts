/** What a process function declares in the custom section: states, side outputs, metrics (`guest-sdk/ABI.md`, section 7). */
import { z } from 'zod';
import {
  FIELDS_EXPANDED_MAX,
  METRICS_MAX,
  SCHEMA_DEPTH_MAX,
  SIDES_MAX,
  STATES_MAX,
  TTL_MS_MAX,
} from '../limits.ts';
import {
  entryRecord,
  type MapDescription,
  type ProcessDescription,
  type StateDescription,
} from '../model/process-description.ts';
import type { RecordSchema, ValueType } from '../model/schema.ts';
import type { ResolvedType } from './resolve-records.ts';

const typeText = z.string().max(1_000);
const ttl = z.int().min(1).max(TTL_MS_MAX).optional();

/** Keys of a process function beside `name`, `kind`, `input` and `output`; `name` is the shape of a name. */
export function processKeys(name: z.ZodType<string>) {
  return {
    states: z
      .array(
        z.discriminatedUnion('kind', [
          z.strictObject({
            name,
            kind: z.enum(['value', 'list', 'reducing']),
            type: typeText,
            ttl,
          }),
          z.strictObject({ name, kind: z.literal('map'), key: typeText, type: typeText, ttl }),
          z.strictObject({ name, kind: z.literal('broadcast'), key: typeText, type: typeText }),
        ]),
      )
      .max(STATES_MAX)
      .optional(),
    sides: z
      .array(z.strictObject({ name, record: name }))
      .max(SIDES_MAX)
      .optional(),
    metrics: z
      .array(z.strictObject({ name, kind: z.enum(['counter', 'gauge']) }))
      .max(METRICS_MAX)
      .optional(),
  };
}

type ProcessEntry = z.infer<z.ZodObject<ReturnType<typeof processKeys>>>;
type StateEntry = NonNullable<ProcessEntry['states']>[number];

export interface ProcessScope {
  /** Path of the function in the section. */
  readonly path: string;
  readonly findings: string[];
  readonly isBroadcast: boolean;
  readonly second: RecordSchema | undefined;
  /** The type a text stands for; what is wrong goes to the findings. */
  typeOf(text: string, path: string): ResolvedType | undefined;
  recordOf(role: string, name: string): RecordSchema | undefined;
}

/** The declarations of one function with names resolved; what is wrong goes to the findings. */
export function describeProcess(entry: ProcessEntry, scope: ProcessScope): ProcessDescription {
  const { path, findings } = scope;
  const states: StateDescription[] = [];
  const maps: MapDescription[] = [];
  let fields = 0;
  for (const [i, state] of (entry.states ?? []).entries()) {
    const where = `${path}.states[${i}]`;
    if (state.kind === 'map' || state.kind === 'broadcast') {
      const map = describeMap(state, where, scope);
      if (map !== undefined) maps.push(map);
      continue;
    }
    const type = stateType(state.type, `${where}.type`, scope);
    if (type === undefined) continue;
    fields += type.fields;
    const { name, kind } = state;
    states.push({ name, kind, type: type.type, ttlMs: state.ttl });
  }
  if (fields + states.length > FIELDS_EXPANDED_MAX) {
    findings.push(`${path}.states: ${fields} fields in all, limit ${FIELDS_EXPANDED_MAX}`);
  }
  const sides = (entry.sides ?? []).flatMap(({ name, record }, i) => {
    const found = scope.recordOf(`sides[${i}].record`, record);
    return found === undefined ? [] : [{ name, record: found }];
  });
  checkTwice(entry.states ?? [], `${path}.states`, 'states', findings);
  checkTwice(entry.sides ?? [], `${path}.sides`, 'side outputs', findings);
  checkTwice(entry.metrics ?? [], `${path}.metrics`, 'metrics', findings);
  return { second: scope.second, states, maps, sides, metrics: entry.metrics ?? [] };
}

function describeMap(
  state: Extract<StateEntry, { kind: 'map' | 'broadcast' }>,
  where: string,
  scope: ProcessScope,
): MapDescription | undefined {
  const key = stateType(state.key, `${where}.key`, scope);
  const value = stateType(state.type, `${where}.type`, scope);
  if (key !== undefined && !isKeyType(key.type)) {
    scope.findings.push(`${where}.key: ${state.key} cannot be the key of a map`);
  }
  const broadcast = state.kind === 'broadcast';
  if (broadcast && !scope.isBroadcast) {
    scope.findings.push(`${where}: only a broadcastProcess has broadcast state`);
  }
  if (key === undefined || value === undefined) return undefined;
  const ttlMs = state.kind === 'map' ? state.ttl : undefined;
  return { name: state.name, entry: entryRecord(key.type, value.type), broadcast, ttlMs };
}

/** A type that stands inside an optional or a list of the state's record. */
function stateType(text: string, path: string, scope: ProcessScope): ResolvedType | undefined {
  const type = scope.typeOf(text, path);
  if (type === undefined) return undefined;
  if (type.type.kind === 'optional') {
    scope.findings.push(`${path}: a state is never null inside; leave out the optional`);
    return undefined;
  }
  if (type.depth >= SCHEMA_DEPTH_MAX) {
    scope.findings.push(`${path}: nests ${type.depth} levels deep, limit ${SCHEMA_DEPTH_MAX - 1}`);
    return undefined;
  }
  return type;
}

/** What a key may be made of, here and in pipelines: no floats, whose equality is not that of their bytes. */
function isKeyType({ kind }: ValueType): boolean {
  return !['optional', 'list', 'record', 'f32', 'f64'].includes(kind);
}

function checkTwice(
  entries: readonly { readonly name: string }[],
  path: string,
  what: string,
  findings: string[],
): void {
  const names = new Set<string>();
  for (const { name } of entries) {
    if (names.has(name)) findings.push(`${path}: there are two ${what} "${name}"`);
    names.add(name);
  }
}
