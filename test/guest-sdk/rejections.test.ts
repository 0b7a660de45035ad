import { describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { MillraceError } from '../../host/errors.ts';

const IMPORT =
  "import { aggregate, Bytes, Emitter, filter, flatMap, map, Optional, record, reduce, Timestamp, Utf8 } from '@millrace/guest-sdk';";
const LINE = '@record class Line { text: string = ""; }';
const OK = '@map export function same(line: Line): Line { return line; }';

/** Compiles and returns the findings; line 4 is the first of `text`. */
async function findings(text: string): Promise<readonly string[]> {
  try {
    await compileAssemblyScript({
      source: [IMPORT, LINE, OK, text].join('\n'),
      name: 'bad.udf.ts',
    });
    return [];
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    expect(error.code).toBe('COMPILE_FAILED');
    return error.details;
  }
}

/** name, source from line 4 on, finding. `§` in the source marks line and column of the finding. */
const CASES: readonly (readonly [string, string, string])[] = [
  ['a top-level let', 'let §total: i64 = 0;', '"total" is a variable at the top level'],
  ['a top-level var', 'var §total = 0;', '"total" is a variable at the top level'],
  [
    'a let in a namespace',
    'namespace N {\n  export let §total = 0;\n}',
    '"total" is a variable at the top level',
  ],
  [
    'a Map constant',
    'const §seen = new Map<string, i32>();',
    '"seen" can be changed from call to call',
  ],
  ['a Set constant', 'const §seen = new Set<i32>();', '"seen" can be changed from call to call'],
  ['an Array constant', 'const §names: string[] = ["a"];', '"names" can be changed'],
  [
    'an exported record constant',
    'export const §first = new Line();',
    '"first" can be changed from call to call',
  ],
  [
    'a StaticArray of arrays',
    'const §rows: StaticArray<Array<i32>> = [[1]];',
    '"rows" can be changed from call to call',
  ],
  [
    'a write into a constant array',
    'const counts: StaticArray<i32> = [0];\n@map export function f(line: Line): Line {\n  §counts[0] = 1;\n  return line;\n}',
    'an element of the constant "counts" is written',
  ],
  [
    'a step of a constant array',
    'const counts: StaticArray<i32> = [0];\n@map export function f(line: Line): Line {\n  §counts[0]++;\n  return line;\n}',
    'an element of the constant "counts" is written',
  ],
  [
    'a static variable',
    'class Cache {\n  static §size: i32 = 0;\n}',
    '"size" is a static variable',
  ],
  [
    'a static collection that is used',
    'class Cache {\n  static readonly §all: i32[] = [];\n}\n@map export function f(line: Line): Line { Cache.all.push(1); return line; }',
    '"all" can be changed from call to call',
  ],
  [
    'an unknown decorator',
    '§@mop export function f(line: Line): Line { return line; }',
    'unknown decorator "@mop"',
  ],
  [
    'an unsafe decorator',
    '§@external("env", "f") declare function f(): void;',
    'decorator "@external" is not available to guests',
  ],
  [
    'a decorator with arguments',
    '§@map(1) export function f(line: Line): Line { return line; }',
    '@map takes no arguments',
  ],
  [
    'two kinds',
    '@map §@filter export function f(line: Line): Line { return line; }',
    '"f" is already @map',
  ],
  ['a function kind on a class', '§@map export class F {}', '@map belongs on a function'],
  [
    'aggregate on a function',
    '§@aggregate export function f(): void {}',
    '@aggregate belongs on a class',
  ],
  ['record on a function', '§@record export function f(): void {}', '@record belongs on a class'],
  [
    'a function that is not exported',
    '@map function §f(line: Line): Line { return line; }',
    '@map "f" is not exported',
  ],
  [
    'two functions of a name',
    '@map export function §same(a: Line): Line { return a; }',
    'there are two functions "same"',
  ],
  ['two records of a name', '@record class §Line { a: i32; }', 'there are two records "Line"'],
  ['a reserved name', 'export function §mr_x(): void {}', 'names that start with "mr_"'],
  [
    'a builtin as a function',
    'export function §store(): void {}',
    'the name "store" is that of a builtin',
  ],
  [
    'a builtin as an import',
    "import { record as §load } from '@millrace/guest-sdk';",
    'the name "load" is that of a builtin',
  ],
  [
    'a generic function',
    '@map export function §f<T>(line: Line): Line { return line; }',
    '@map "f" cannot be generic',
  ],
  [
    'too few parameters',
    '@map export function §f(): Line { return new Line(); }',
    '@map "f" takes 0 parameters',
  ],
  [
    'an optional parameter',
    '@map export function f(§line: Line = new Line()): Line { return line; }',
    '@map "f" has an optional or rest parameter',
  ],
  [
    'an input that is no record',
    '@map export function f(n: §i32): Line { return new Line(); }',
    '@map "f" takes something that is not a @record',
  ],
  [
    'an input class without the decorator',
    'class Plain { a: i32 = 0; }\n@map export function f(p: §Plain): Line { return new Line(); }',
    '@map "f" takes something that is not a @record',
  ],
  [
    'a nullable input',
    '@map export function f(n: §Line | null): Line { return new Line(); }',
    '@map "f" takes something that is not a @record',
  ],
  [
    'an output that is no record',
    '@map export function f(line: Line): §string { return ""; }',
    '@map "f" does not return a @record',
  ],
  [
    'a map without a return type',
    'export const §f = map((line: Line) => line);',
    '@map "f" has no return type',
  ],
  [
    'a filter that returns a number',
    '@filter export function f(line: Line): §i32 { return 1; }',
    '@filter "f" does not return bool',
  ],
  [
    'a flatMap that returns',
    '@flatMap export function f(line: Line, out: Emitter<Line>): §i32 { return 1; }',
    '@flatMap "f" returns something',
  ],
  [
    'a flatMap without an Emitter',
    '@flatMap export function f(line: Line, out: §Line): void {}',
    '@flatMap "f" has no Emitter of a @record',
  ],
  [
    'an Emitter of numbers',
    '@flatMap export function f(line: Line, out: §Emitter<i32>): void {}',
    '@flatMap "f" has no Emitter of a @record',
  ],
  [
    'a reduce of two types',
    '@record class Other { a: i32; }\n@reduce export function §f(a: Line, b: Other): Line { return a; }',
    '@reduce "f" mixes records of different types',
  ],
  [
    'a small number type',
    '@record class R {\n  a: §i16 = 0;\n}',
    'field "a": type "i16" cannot be a field',
  ],
  [
    'a Map field',
    '@record class R {\n  a: §Map<string, i32> = new Map();\n}',
    'field "a": type "Map<…>" cannot be a field',
  ],
  [
    'a plain class field',
    'class P {}\n@record class R {\n  a: §P = new P();\n}',
    'field "a": type "P" cannot be a field',
  ],
  [
    'a function field',
    '@record class R {\n  a: §() => void;\n}',
    'field "a": this type cannot be a field',
  ],
  [
    'a nullable number',
    '@record class R {\n  a: §i32 | null;\n}',
    'field "a": a i32 is never null; write "Optional<i32>"',
  ],
  [
    'an Optional of text',
    '@record class R {\n  a: §Optional<string>;\n}',
    'field "a": Optional is for numbers, bool and Timestamp',
  ],
  [
    'a list of nullable text',
    '@record class R {\n  a: §Array<string | null>;\n}',
    'field "a": a list does not hold null',
  ],
  ['a field without a type', '@record class R {\n  §a = 1;\n}', 'Type expected'],
  ['a private field', '@record class R {\n  private §a: i32;\n}', 'field "a" cannot be private'],
  [
    'a record in itself',
    '@record class R {\n  §next: R | null;\n}',
    'record "R" contains itself through field "next"',
  ],
  [
    'records in each other',
    '@record class A {\n  §b: Array<B>;\n}\n@record class B { a: A | null; }',
    'record "A" contains itself through field "b"',
  ],
  ['a record without fields', '@record class §R {}', 'record "R" has no fields'],
  ['a generic record', '@record class §R<T> { a: i32; }', 'record "R" cannot have type parameters'],
  [
    'a derived record',
    '@record class §R extends Line { a: i32; }',
    'record "R" cannot extend a class',
  ],
  [
    'a constructor',
    '@record class R {\n  a: i32;\n  §constructor(a: i32) { this.a = a; }\n}',
    'record "R" cannot have a constructor',
  ],
  [
    'a method that clashes',
    '@record class R {\n  §a: i32;\n  a(): i32 { return 1; }\n}',
    'record "R" has two members "a"',
  ],
  [
    'a field twice',
    '@record class R {\n  a: i32;\n  §a: i64;\n}',
    'record "R" has two members "a"',
  ],
  [
    'a method with a name of the compiler',
    '@record class R {\n  a: i32;\n  §__mr_move(): void {}\n}',
    'names that start with "__" are the compiler',
  ],
  [
    'an aggregate without merge',
    '@aggregate export class §A {\n  create(): Line { return new Line(); }\n  add(a: Line, v: Line): Line { return a; }\n  result(a: Line): Line { return a; }\n}',
    '@aggregate "A" has no method "merge"',
  ],
  [
    'an aggregate with a field',
    '@aggregate export class A {\n  §seen: i32 = 0;\n}',
    '@aggregate "A" keeps "seen" of its own',
  ],
  [
    'an aggregate with two accumulators',
    '@record class S { a: i32; }\n@aggregate export class A {\n  create(): S { return new S(); }\n  add(a: §Line, v: Line): S { return new S(); }\n  result(a: S): Line { return new Line(); }\n  merge(a: S, b: S): S { return a; }\n}',
    '@aggregate "A" has accumulators other than S',
  ],
  [
    'a call form that is not given a function',
    'export const f = §map(same);',
    'map takes one function',
  ],
  [
    'a type error in a function',
    '@map export function f(line: Line): Line {\n  line.text = §5;\n  return line;\n}',
    "Type 'i32' is not assignable to type '~lib/string/String'",
  ],
  [
    'a wrong default',
    '@record class R {\n  a: i32 = §"x";\n}\n@map export function f(r: R): R { return new R(); }',
    "is not assignable to type 'i32'",
  ],
  [
    'a syntax error',
    '@map export function f(line: Line): Line { return line }§}',
    'Expression expected',
  ],
  ['a missing import', "import { x } from §'./missing';", "File 'missing.ts' not found"],
  [
    'randomness',
    '@map export function f(line: Line): Line {\n  line.text = §Math.random().toString();\n  return line;\n}',
    '"Math.random" does not exist in a guest',
  ],
  [
    'the console',
    '@map export function f(line: Line): Line {\n  §console.log("x");\n  return line;\n}',
    '"console.log" does not exist in a guest',
  ],
  [
    'an import of its own',
    '§declare function now(): i64;\n@map export function f(line: Line): Line {\n  if (now() > 0) return line;\n  return new Line();\n}',
    '"now" does not exist in a guest',
  ],
];

describe('the compiler refuses', () => {
  test.each(CASES)('%s', async (_name, marked, wanted) => {
    const lines = marked.split('\n');
    const line = lines.findIndex((text) => text.includes('§'));
    const place = `bad.udf.ts:${line + 4}:${lines[line].indexOf('§') + 1}: `;
    const found = await findings(marked.replace('§', ''));
    expect(
      found.filter((finding) => finding.startsWith(place) && finding.includes(wanted)),
    ).toHaveLength(1);
  });
});
