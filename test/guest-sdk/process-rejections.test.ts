import { describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { MillraceError } from '../../host/errors.ts';

const HEAD = `import { BroadcastState, Context, coProcess, Counter, ListState, MapState, process, record, ReducingState, SideOutput, ttl, ValueState } from '@millrace/guest-sdk';
@record class In { key: string; n: i64; }
@record class Out { n: i64; }`;
const PROCESS = 'process(r: In, c: Context<Out>): void {}';

/** The findings for a file whose line 4 is the first of `text`. */
async function findings(text: string): Promise<readonly string[]> {
  try {
    await compileAssemblyScript({ source: `${HEAD}\n${text}`, name: 'bad.udf.ts' });
    return [];
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    return error.details;
  }
}

/** What is wrong, the class from line 4 on with `§` where the finding points, the finding. */
const CASES: readonly (readonly [string, string, string])[] = [
  [
    'a class without its method',
    '@process export class §F {}',
    'has no method process(record: In, context: Context<Out>): void',
  ],
  [
    'a method in another form',
    '@process export class F { §process(r: In): void {} }',
    'has "process" in another form',
  ],
  [
    'a method that takes no record',
    '@process export class F { process(r: §i64, c: Context<Out>): void {} }',
    'not a @record',
  ],
  [
    'a method without a context',
    '@process export class F { process(r: In, c: §i64): void {} }',
    'has no Context of a @record',
  ],
  [
    'a timer in another form',
    `@process export class F { ${PROCESS} §onTimer(t: i64, c: Context<Out>): void {} }`,
    'onTimer(time: i64, key: In, context: Context<Out>): void',
  ],
  [
    'a field of its own',
    `@process export class F { §n: i64 = 0; ${PROCESS} }`,
    'keeps "n" of its own',
  ],
  [
    'a field of its own without a type',
    `@process export class F { §list = new Array<i64>(0); ${PROCESS} }`,
    'keeps "list" of its own',
  ],
  [
    'a state without a name',
    `@process export class F { s = §new ValueState<i64>(); ${PROCESS} }`,
    '"s" needs a name as text',
  ],
  [
    'a state whose name is worked out',
    `const NAME = "a";\n@process export class F { s = new ValueState<i64>(§NAME); ${PROCESS} }`,
    '"s" needs a name as text',
  ],
  [
    'a state of what no record holds',
    `@process export class F { s = new ValueState<§Map<i64, i64>>("s"); ${PROCESS} }`,
    'type "Map',
  ],
  [
    'a state of null',
    `@process export class F { s = new ValueState<§In | null>("s"); ${PROCESS} }`,
    'cannot hold null',
  ],
  [
    'a time to live that is none',
    `@process export class F { s = new ValueState<i64>("s", §ttl("soon")); ${PROCESS} }`,
    'a time to live is written',
  ],
  [
    'a time to live of nothing',
    `@process export class F { s = new ValueState<i64>("s", §ttl("0s")); ${PROCESS} }`,
    'a time to live is written',
  ],
  [
    'a map with keys of floats',
    `@process export class F { s = §new MapState<f64, i64>("s"); ${PROCESS} }`,
    'has a map with keys of f64',
  ],
  [
    'a reducing state without its function',
    `@process export class F { s = §new ReducingState<i64>("s"); ${PROCESS} }`,
    'takes a function',
  ],
  [
    'broadcast state without a broadcast input',
    `@process export class F { s = §new BroadcastState<i64, i64>("s"); ${PROCESS} }`,
    'which only a @broadcastProcess has',
  ],
  [
    'a side output of numbers',
    `@process export class F { s = §new SideOutput<i64>("s"); ${PROCESS} }`,
    'not a @record',
  ],
  [
    'two states of one name',
    `@process export class §F { a = new ValueState<i64>("s"); b = new ListState<i64>("s"); ${PROCESS} }`,
    'two fields of the name "s"',
  ],
  [
    'a coProcess with one method',
    '@coProcess export class §F { processLeft(r: In, c: Context<Out>): void {} }',
    'has no method processRight',
  ],
  [
    'a process as a function',
    '@§process export function f(r: In): In { return r; }',
    'belongs on a class',
  ],
  [
    'a state used as another type',
    `@process export class F { s = new ValueState<i64>("s"); process(r: In, c: Context<Out>): void { this.s.value = §r.key; } }`,
    'Type',
  ],
];

describe('the compiler refuses', () => {
  test.each(CASES)('%s', async (_, text, message) => {
    const mark = text.indexOf('§');
    const lines = text.slice(0, mark).split('\n');
    const source = text.replace('§', '');
    const found = await findings(source);
    expect(found.join('\n')).toContain(message);
    const column = (lines.at(-1)?.length ?? 0) + 1;
    const place = `:${3 + lines.length}:`;
    const at = found.find((one) => one.includes(message)) ?? '';
    expect(at).toContain(place);
    // A decorator is placed at its sign.
    expect(
      [column, column - 1].some((one) => at.includes(`${place}${one}:`)),
      at,
    ).toBe(true);
  });

  test('nothing of a class that declares all there is', async () => {
    const text = `@process export class F {
      a = new ValueState<In>("a", ttl("1.5h"));
      b: ListState<string> = new ListState<string>("b");
      c = new MapState<string, Array<i64>>("c", ttl("10s"));
      d = new SideOutput<In>("d");
      e = new Counter("e");
      ${PROCESS}
    }`;
    expect(await findings(text)).toEqual([]);
  });
});
