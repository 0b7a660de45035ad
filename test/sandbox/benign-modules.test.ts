import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { beforeAll, describe, expect, test } from 'vitest';
import { carriedModules } from '../kit/carried-modules.ts';
import { clangMissing, compileC, FREESTANDING, needsClang, WASI_REACTOR } from '../kit/clang.ts';
import { generatedModules } from '../kit/generated-modules.ts';
import { findingsOf, rewritten } from '../kit/parse-and-rewrite.ts';
import { compileRust, needsRust, rustMissing } from '../kit/rustc.ts';
import { twinRun } from '../kit/twin-run.ts';

const ROUNDS = 30;

/** Accepted, still valid when rewritten, and of the same results. */
function expectBenign(bytes: Uint8Array<ArrayBuffer>): ReturnType<typeof twinRun> {
  expect(findingsOf(bytes)).toEqual([]);
  const out = rewritten(bytes);
  expect(out !== undefined && WebAssembly.validate(out)).toBe(true);
  const run = twinRun(bytes, ROUNDS);
  expect(run.difference).toBeUndefined();
  return run;
}

describe('modules that npm packages carry', () => {
  const carried = carriedModules();

  test('are there', () => {
    expect(carried.length).toBeGreaterThanOrEqual(6);
  });

  test.each(carried.map((module) => [module.name, module] as const))('%s', (_name, { bytes }) => {
    expectBenign(bytes);
  });
});

/** Programs by name; each export takes and returns numbers. */
const PROGRAMS: Record<string, string> = {
  strings: `
    export function reverse(n: i32): i32 {
      let text = '';
      for (let i = 0; i < n % 40; i++) text = String.fromCharCode(97 + (i * n) % 26) + text;
      return text.length + text.indexOf('e');
    }
    export function words(n: i32): i32 {
      const parts = 'the quick brown fox jumps over'.split(' ');
      return parts[n % parts.length].length;
    }`,
  maps: `
    const counts = new Map<i32, i32>();
    export function count(key: i32): i32 {
      const next = (counts.has(key % 17) ? counts.get(key % 17) : 0) + 1;
      counts.set(key % 17, next);
      return next * 100 + counts.size;
    }`,
  numbers: `
    export function mix(a: i64, b: f64): f64 { return Math.sin(b) * <f64>(a % 1000) + Math.pow(b, 1.5); }
    export function collatz(n: i32): i32 {
      let steps = 0;
      for (let x: i64 = n + 1; x != 1; steps++) x = x & 1 ? 3 * x + 1 : x >> 1;
      return steps;
    }
    export function divide(a: i32, b: i32): i32 { return a / (b % 3); }`,
  objects: `
    abstract class Shape { abstract area(): f64; }
    class Circle extends Shape { constructor(public r: f64) { super(); } area(): f64 { return 3.14 * this.r * this.r; } }
    class Square extends Shape { constructor(public s: f64) { super(); } area(): f64 { return this.s * this.s; } }
    export function areas(n: i32): f64 {
      const shapes = new Array<Shape>();
      for (let i = 0; i < n % 60; i++) shapes.push(i % 2 ? new Circle(i) : new Square(i));
      return shapes.map<f64>((shape) => shape.area()).reduce((sum, area) => sum + area, 0.0);
    }
    export function sorted(n: i32): i32 {
      const list = new Array<i32>();
      for (let i = 0; i < n % 100; i++) list.push((i * 7919) % 101);
      list.sort((a, b) => a - b);
      return list.length > 3 ? list[3] : -1;
    }
    export function outOfRange(n: i32): i32 { return [1, 2, 3][n % 5]; }`,
  vectors: `
    export function sum(n: i32): i32 {
      let total = i32x4(0, 0, 0, 0);
      for (let i = 0; i < n % 100; i++) total = i32x4.add(total, i32x4.splat(i));
      return i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 3);
    }
    export function blend(a: i32): i32 {
      const mixed = i8x16.shuffle(i8x16.splat(<i8>a), i8x16.splat(3), 0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31);
      return i32x4.extract_lane(mixed, 1);
    }`,
};

const OPTIONS = [
  ['-O3'],
  ['-O0', '--debug', '--runtime', 'stub'],
  ['-O1', '--runtime', 'minimal'],
  ['-Oz', '--noAssert'],
  ['-O3', '--uncheckedBehavior', 'always', '--converge'],
  ['-O2', '--exportRuntime', '--importMemory'],
];

async function compile(source: string, options: readonly string[]) {
  const outputs = new Map<string, Uint8Array>();
  const { error, stderr } = await asc.main(
    ['in.ts', '-o', 'out.wasm', '--enable', 'simd', ...options],
    {
      readFile: (name: string) => (name === 'in.ts' ? source : null),
      writeFile: (name: string, contents: Uint8Array | string) => {
        if (typeof contents !== 'string') outputs.set(name, contents);
      },
      listFiles: () => [],
    },
  );
  const wasm = outputs.get('out.wasm');
  if (error !== null || wasm === undefined) throw new Error(stderr.toString(), { cause: error });
  return Uint8Array.from(wasm);
}

describe('modules from AssemblyScript', () => {
  const cases = Object.entries(PROGRAMS).flatMap(([name, source]) =>
    OPTIONS.map((options) => [name, options.join(' '), source, options] as const),
  );
  beforeAll(() => compile('export const ready = 1;', []));

  test.each(cases)('%s with %s', async (_name, _options, source, options) => {
    const { calls } = expectBenign(await compile(source, options));
    expect(calls).toBeGreaterThan(ROUNDS / 2);
  });
});

const C_FEATURES = [
  ...['', '-msimd128', '-mbulk-memory', '-mnontrapping-fptoint -msign-ext', '-mreference-types'],
  '-mmultivalue -Xclang -target-abi -Xclang experimental-mv',
  '-mcpu=mvp',
];
const C_FLAGS = ['-O0', '-O1', '-O2', '-O3', '-Os', '-Oz'].flatMap((level) =>
  C_FEATURES.map((feature) => `${level} ${feature}`.trim()),
);

describe.skipIf(clangMissing !== undefined)(needsClang('modules from clang'), () => {
  const kernels = join(import.meta.dirname, '../guests/benign/kernels.c');
  const hello = join(import.meta.dirname, '../guests/c-hello/hello.c');
  const include = `-I${join(import.meta.dirname, '../../guest-sdk/c')}`;

  test.each(C_FLAGS)('kernels with %s', (flags) => {
    const { calls } = expectBenign(compileC(kernels, [...FREESTANDING, ...flags.split(' ')]));
    expect(calls).toBeGreaterThan(ROUNDS * 10);
  });

  test('a program over a C library', () => {
    expectBenign(compileC(hello, [...WASI_REACTOR, include]));
  });
});

const RUST_FLAGS = ['0', '1', '2', '3', 's', 'z'].map((level) => `-Copt-level=${level}`);

describe.skipIf(rustMissing !== undefined)(needsRust('modules from rustc'), () => {
  const source = join(import.meta.dirname, '../guests/benign/collections.rs');

  test.each(RUST_FLAGS)('collections with %s', (flag) => {
    const { calls } = expectBenign(compileRust(source, [flag]));
    expect(calls).toBeGreaterThan(ROUNDS * 3);
  });
});

const SEEDS = Array.from({ length: 24 }, (_, i) => i + 1);

test('modules that Binaryen makes up', async () => {
  for (const [i, bytes] of (await generatedModules(SEEDS)).entries()) {
    expect(WebAssembly.validate(bytes), `seed ${SEEDS[i]}`).toBe(true);
    expectBenign(bytes);
  }
}, 120_000);

test('the set has at least 100 modules where all compilers are there', () => {
  const assemblyScript = Object.keys(PROGRAMS).length * OPTIONS.length;
  const compiled = assemblyScript + C_FLAGS.length + 1 + RUST_FLAGS.length;
  expect(compiled + carriedModules().length + SEEDS.length).toBeGreaterThanOrEqual(100);
});
