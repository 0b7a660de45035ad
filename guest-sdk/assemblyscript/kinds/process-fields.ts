/** The fields of a process class: states, side outputs and metrics, each made with `new` where it is declared. */
import type {
  CallExpression,
  ClassDeclaration,
  Declaration,
  NewExpression,
  Node,
  StringLiteral,
  VariableLike,
} from '../compiler-api.ts';
import { readFieldType } from '../field-type.ts';
import { identifierText } from '../file-names.ts';
import { parseMembers } from '../graft.ts';
import type {
  FieldType,
  MapModel,
  MetricModel,
  ProcessModel,
  SideModel,
  StateModel,
} from '../module-model.ts';
import type { Place } from './kind.ts';
import { handleName } from './process-export.ts';
import { recordOf, sdkName } from './signature.ts';

/** `STATES_MAX` and `METRICS_MAX` of the host. */
const FIELDS_MAX = 64;
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const UNITS: Readonly<Record<string, number>> = {
  ...{ ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 },
};
/** `TTL_MS_MAX` of the host. */
const TTL_MS_MAX = 100 * 366 * 86_400_000;
const KEY_TYPES: ReadonlySet<string> = new Set([
  ...['bool', 'i32', 'u32', 'i64', 'u64', 'timestamp', 'string', 'bytes'],
]);
const DECLARED =
  'new ValueState<T>("name"), ListState, ReducingState, MapState<K, V>, BroadcastState<K, V>, SideOutput<T>, Counter or Gauge';

export type ProcessFields = Pick<ProcessModel, 'states' | 'maps' | 'sides' | 'metrics'>;

interface Options {
  readonly kind: string;
  fail(where: Node, what: string): undefined;
}

interface Field {
  readonly place: Place;
  readonly member: VariableLike;
  readonly made: NewExpression;
  readonly name: string;
  readonly options: Options;
}

interface Lists {
  readonly states: StateModel[];
  readonly maps: MapModel[];
  readonly sides: SideModel[];
  readonly metrics: MetricModel[];
}

/** Reads the fields and puts what stands for them at run time in their places; undefined after reporting what is wrong. */
export function readProcessFields(
  place: Place,
  declaration: ClassDeclaration,
  options: Options,
): ProcessFields | undefined {
  const { NodeKind, CommonFlags } = place.compiler;
  const lists: Lists = { states: [], maps: [], sides: [], metrics: [] };
  let isWhole = true;
  for (const member of declaration.members) {
    if (member.kind !== NodeKind.FieldDeclaration) continue;
    if ((member.flags & CommonFlags.Static) !== 0) continue;
    if (!readField(place, declaration, member as VariableLike, { options, lists })) isWhole = false;
  }
  const { states, maps, sides, metrics } = lists;
  for (const named of [[...states, ...maps], sides, metrics]) {
    const twice = named.find(({ name }, i) => named.some((one, j) => j < i && one.name === name));
    if (twice !== undefined) {
      options.fail(declaration.name, `has two fields of the name "${twice.name}"`);
      isWhole = false;
    }
  }
  if (states.length + maps.length > FIELDS_MAX || metrics.length > FIELDS_MAX) {
    options.fail(declaration.name, `has more than ${FIELDS_MAX} states or metrics`);
    isWhole = false;
  }
  return isWhole ? lists : undefined;
}

function readField(
  place: Place,
  declaration: ClassDeclaration,
  member: VariableLike,
  { options, lists }: { readonly options: Options; readonly lists: Lists },
): boolean {
  const { NodeKind } = place.compiler;
  const property = member.name.text;
  const made = member.initializer as NewExpression | null;
  const type = made?.kind === NodeKind.New ? sdkName(place, made.typeName.identifier) : undefined;
  if (made === null || type === undefined || !READERS.has(type)) {
    const what = `keeps "${property}" of its own: a field is declared as ${DECLARED}, what a function knows of a key is in its states`;
    options.fail(member.name, what);
    return false;
  }
  const name = textOf(place, made.args[0]);
  if (name === undefined || !NAME.test(name)) {
    options.fail(
      made.args[0] ?? made,
      `"${property}" needs a name as text, as in ${type}("${property}")`,
    );
    return false;
  }
  const field: Field = { place, member, made, name, options };
  const text = READERS.get(type)?.(field, lists, declaration.name.text);
  if (text === undefined) return false;
  replaceInitializer(place, member, text);
  return true;
}

type Reader = (field: Field, lists: Lists, className: string) => string | undefined;

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['ValueState', (field, lists, of) => readState(field, lists, { of, kind: 'value' })],
  ['ListState', (field, lists, of) => readState(field, lists, { of, kind: 'list' })],
  ['ReducingState', (field, lists, of) => readState(field, lists, { of, kind: 'reducing' })],
  ['MapState', (field, lists, of) => readMap(field, lists, { of, isBroadcast: false })],
  ['BroadcastState', (field, lists, of) => readMap(field, lists, { of, isBroadcast: true })],
  ['SideOutput', readSide],
  ['Counter', (field, lists) => readMetric(field, lists, 'counter')],
  ['Gauge', (field, lists) => readMetric(field, lists, 'gauge')],
]);

function readState(
  field: Field,
  { states }: Lists,
  { of, kind }: { readonly of: string; readonly kind: StateModel['kind'] },
): string | undefined {
  const type = typeArgument(field, 0, 1);
  const fold = kind === 'reducing' ? foldOf(field) : undefined;
  const ttlMs = ttlOf(field, kind === 'reducing' ? 2 : 1);
  if (type === undefined || ttlMs === null) return undefined;
  if (kind === 'reducing' && fold === undefined) return undefined;
  const property = field.member.name.text;
  states.push({ property, name: field.name, kind, type, ttlMs: ttlMs.ms, fold });
  return `new ${handleName(of, property)}()`;
}

function readMap(
  field: Field,
  { maps }: Lists,
  { of, isBroadcast }: { readonly of: string; readonly isBroadcast: boolean },
): string | undefined {
  const key = typeArgument(field, 0, 2);
  const value = typeArgument(field, 1, 2);
  const ttlMs = isBroadcast ? { ms: undefined } : ttlOf(field, 1);
  if (key === undefined || value === undefined || ttlMs === null) return undefined;
  const { options, made } = field;
  if (!KEY_TYPES.has(key.schema)) {
    return options.fail(
      made,
      `has a map with keys of ${key.schema}; a key is a number without fraction, bool, text or bytes`,
    );
  }
  if (isBroadcast && options.kind !== 'broadcastProcess') {
    return options.fail(made, 'has broadcast state, which only a @broadcastProcess has');
  }
  const property = field.member.name.text;
  maps.push({ property, name: field.name, key, value, isBroadcast, ttlMs: ttlMs.ms });
  return `new ${handleName(of, property)}()`;
}

function readSide({ place, made, name, options }: Field, { sides }: Lists): string | undefined {
  const argument = made.typeArguments?.length === 1 ? made.typeArguments[0] : undefined;
  const record = argument === undefined ? undefined : recordOf(place, argument);
  if (record === undefined)
    return options.fail(made, 'has a SideOutput of something that is not a @record');
  sides.push({ name, record });
  return `new ${made.typeName.identifier.text}<${record.code}>(${sides.length - 1})`;
}

function readMetric(field: Field, { metrics }: Lists, kind: MetricModel['kind']): string {
  metrics.push({ name: field.name, kind });
  return `new ${field.made.typeName.identifier.text}(${metrics.length - 1})`;
}

/** The type argument as what a field of a record may be; a state is there or not, so it is not null itself. */
function typeArgument(field: Field, index: number, count: number): FieldType | undefined {
  const { place, made, options } = field;
  const argument = made.typeArguments?.[index];
  if (argument === undefined || made.typeArguments?.length !== count) {
    return options.fail(made, `"${field.name}" takes ${count === 1 ? 'one type' : 'two types'}`);
  }
  const type = readFieldType(place, argument);
  if (typeof type === 'string') return options.fail(argument, `"${field.name}": ${type}`);
  if (type.kind === 'optional' || (type.kind === 'reference' && type.nullable)) {
    return options.fail(
      argument,
      `"${field.name}" cannot hold null; a state without a value is null by itself`,
    );
  }
  return type;
}

function foldOf({ place, made, name, options }: Field): Node | undefined {
  const fold = made.args[1];
  if (fold?.kind === place.compiler.NodeKind.Function) return fold;
  return options.fail(
    fold ?? made,
    `"${name}" takes a function (a: T, b: T): T that adds one to another`,
  );
}

/** The time to live of `ttl("1h")` at this place; null after reporting what is wrong. */
function ttlOf(
  { place, made, name, options }: Field,
  index: number,
): { ms: number | undefined } | null {
  if (made.args.length > index + 1) {
    options.fail(made.args[index + 1], `"${name}" has one argument too many`);
    return null;
  }
  const argument = made.args[index];
  if (argument === undefined) return { ms: undefined };
  const call = argument as CallExpression;
  const isTtl =
    call.kind === place.compiler.NodeKind.Call &&
    identifierText(place.compiler, call.expression) !== undefined &&
    sdkName(place, call.expression) === 'ttl';
  const text = isTtl ? textOf(place, call.args[0]) : undefined;
  const match = DURATION.exec(text ?? '');
  const ms = match === null ? 0 : Math.round(Number(match[1]) * UNITS[match[2]]);
  if (ms >= 1 && ms <= TTL_MS_MAX) return { ms };
  options.fail(
    argument,
    `"${name}": a time to live is written ttl("500ms"), ttl("10s"), ttl("5m"), ttl("1h") or ttl("1d")`,
  );
  return null;
}

function textOf(place: Place, node: Node | undefined): string | undefined {
  const { NodeKind, LiteralKind } = place.compiler;
  const literal = node as StringLiteral | undefined;
  const isText = literal?.kind === NodeKind.Literal && literal.literalKind === LiteralKind.String;
  return isText ? literal?.value : undefined;
}

function replaceInitializer(place: Place, member: VariableLike, text: string): void {
  const type = text.slice('new '.length, text.lastIndexOf('('));
  const [made] = parseMembers(place.compiler, `class C { f: ${type} = ${text}; }`, member.range);
  const parsed = made as Declaration as VariableLike;
  const field = member as { -readonly [K in keyof VariableLike]: VariableLike[K] };
  field.initializer = parsed.initializer;
  field.type = parsed.type;
}
