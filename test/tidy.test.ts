import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../host/errors.ts';

const ROOT = join(import.meta.dirname, '..');

/** Folders of `host`, lowest first. A folder imports from lower layers and from itself, never from a sibling. */
const LAYERS: readonly (readonly string[])[] = [
  ['model'],
  ['abi'],
  ['sandbox', 'state', 'connectors', 'storage'],
  ['dataflow'],
  ['runtime'],
  ['cli', 'control'],
];
/** Files of `host` that every layer may import and that import nothing of ours. */
const GROUND = ['errors.ts', 'limits.ts', 'admission-limits.ts', 'server-limits.ts', 'clock.ts'];
/** Files of `host` that wire the layers together. */
const WIRING = ['main.ts', 'index.ts', 'index.js', 'internal.ts'];

/** Each npm package has one owner: a folder of `host`, or another tree of the repository. */
const PACKAGE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  '@assemblyscript/loader': ['host/sandbox'],
  '@fastify/rate-limit': ['host/control'],
  '@fastify/sse': ['host/control'],
  '@fastify/swagger': ['host/control'],
  '@jridgewell/trace-mapping': ['guest-sdk/assemblyscript'],
  '@scalar/fastify-api-reference': ['host/control'],
  assemblyscript: ['guest-sdk/assemblyscript', 'host/state/engine', 'host/abi/kernel'],
  commander: ['host/cli'],
  fastify: ['host/control'],
  'fastify-type-provider-zod': ['host/control'],
  pg: ['host/connectors'],
  picomatch: ['host/connectors'],
  piscina: ['host/runtime', 'host/control'],
  'prom-client': ['host/control'],
  'wasi-js': ['host/sandbox'],
  yaml: ['host/dataflow'],
  // Schemas stand where outside data comes in.
  zod: ['host/abi', 'host/connectors', 'host/dataflow', 'host/runtime', 'host/control'],
};

const LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const PARAMETERS_MAX = 4;
const TOP_LEVEL = [
  'ARCHITECTURE.md',
  'LICENSE',
  'README.md',
  'bench',
  'guest-sdk',
  'host',
  'package-lock.json',
  'package.json',
  'test',
  'tsconfig.json',
  'udfs',
];
/** Tool configuration that its tool finds only at the top. */
const TOP_LEVEL_TOOLS = ['biome.json', 'vitest.config.ts'];

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

function filesBelow(folder: string, endings: readonly string[]): SourceFile[] {
  const found: SourceFile[] = [];
  const pending = [join(ROOT, folder)];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const entry of readdirSync(next, { withFileTypes: true })) {
      const path = join(next, entry.name);
      if (entry.isDirectory() && entry.name !== 'node_modules') pending.push(path);
      if (!entry.isFile() || !endings.some((ending) => entry.name.endsWith(ending))) continue;
      const text = readFileSync(path, 'utf8');
      found.push({ path: relative(ROOT, path), text, lines: text.split('\n') });
    }
  }
  return found;
}

function importsOf(file: SourceFile): string[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*(?:\n[^'"\n;]*)*?from\s*['"]([^'"]+)['"]/g;
  const dynamic =
    /\b(?:import|require|resolve|createRequire\(import\.meta\.url\))\(\s*['"]([^'"]+)['"]/g;
  return [...file.text.matchAll(pattern), ...file.text.matchAll(dynamic)].map((match) => match[1]);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
}

/** `host/<folder>/…` → folder; a file directly in `host` → its name. */
function folderOf(path: string): string {
  return path.split('/')[1];
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folder));
}

function forbiddenReason(from: string, to: string): string | undefined {
  if (!to.startsWith('host/')) {
    return to.startsWith('udfs/') || to.startsWith('test/') || to.startsWith('bench/')
      ? 'the host imports neither examples nor tests nor benches'
      : undefined;
  }
  const source = folderOf(from);
  const target = folderOf(to);
  if (WIRING.includes(source) || GROUND.includes(target) || source === target) return undefined;
  if (GROUND.includes(source)) return 'errors, limits and clock import nothing of ours';
  if (WIRING.includes(target)) return 'only the wiring imports the wiring';
  return layerOf(target) < layerOf(source) ? undefined : 'imports go down only';
}

const host = filesBelow('host', ['.ts', '.js']);
const sources = [
  ...host,
  ...filesBelow('guest-sdk', ['.ts', '.js']),
  ...filesBelow('bench', ['.ts']),
  ...filesBelow('test', ['.ts']),
];

describe('the layers', () => {
  test('every folder of host stands in a layer', () => {
    const folders = readdirSync(join(ROOT, 'host'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(folders.filter((folder) => layerOf(folder) < 0)).toEqual([]);
  });

  test('imports go down only, siblings never import each other', () => {
    const breaches: string[] = [];
    for (const file of host) {
      for (const specifier of importsOf(file)) {
        if (!specifier.startsWith('.')) continue;
        const target = relative(ROOT, join(ROOT, file.path, '..', specifier));
        const reason = forbiddenReason(file.path, target);
        if (reason !== undefined) breaches.push(`${file.path} → ${target}: ${reason}`);
      }
    }
    expect(breaches).toEqual([]);
  });

  test('WebAssembly is touched by the sandbox and the two trusted loaders only', () => {
    const pattern = /\bWebAssembly\.(?!Module\b(?!\())|new WebAssembly/;
    const users = host
      .filter((file) => pattern.test(withoutComments(file.text)))
      .map((file) => file.path);
    const allowed = (path: string) =>
      path.startsWith('host/sandbox/') ||
      path.startsWith('host/state/engine/') ||
      path.startsWith('host/abi/kernel/');
    expect(users.filter((path) => !allowed(path))).toEqual([]);
  });
});

describe('packages', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const packageName = (specifier: string) =>
    specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

  test('each package is imported by its owner only', () => {
    const breaches: string[] = [];
    for (const file of [...host, ...filesBelow('guest-sdk', ['.ts', '.js'])]) {
      for (const specifier of importsOf(file)) {
        const name = packageName(specifier);
        const owners = PACKAGE_OWNERS[name];
        if (specifier.startsWith('.') || specifier.startsWith('node:') || owners === undefined)
          continue;
        if (!owners.some((owner) => file.path.startsWith(`${owner}/`))) {
          breaches.push(`${file.path} imports ${name}`);
        }
      }
    }
    expect(breaches).toEqual([]);
  });

  test('each dependency has an owner that uses it and a reason in ARCHITECTURE.md', () => {
    const architecture = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    const used = new Set(
      [...host, ...filesBelow('guest-sdk', ['.ts', '.js'])].flatMap(importsOf).map(packageName),
    );
    for (const name of Object.keys(manifest.dependencies)) {
      expect(PACKAGE_OWNERS, name).toHaveProperty([name]);
      expect(used, `${name} is imported`).toContain(name);
      expect(architecture, `${name} in ARCHITECTURE.md`).toContain(`\`${name}\``);
    }
  });

  test('versions are exact', () => {
    const all = {
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
    };
    expect(
      Object.values<string>(all).filter((version) => !/^\d+\.\d+\.\d+$/.test(version)),
    ).toEqual([]);
  });
});

describe('sizes', () => {
  test(`no source file is longer than ${LINES_MAX} lines`, () => {
    const long = sources.filter((file) => file.lines.length > LINES_MAX + 1);
    expect(long.map((file) => `${file.path}: ${file.lines.length}`)).toEqual([]);
  });

  test(`no function of the host is longer than ${FUNCTION_LINES_MAX} lines or has more than ${PARAMETERS_MAX} parameters`, () => {
    expect(host.flatMap(oversizedFunctions)).toEqual([]);
  });

  test('nothing else stands at the top', () => {
    const names = readdirSync(ROOT).filter(
      (name) => !name.startsWith('.') && name !== 'node_modules',
    );
    const extra = names.filter((name) => ![...TOP_LEVEL, ...TOP_LEVEL_TOOLS].includes(name));
    expect(extra.filter((name) => !isIgnored(name))).toEqual([]);
  });
});

describe('words', () => {
  test('no unfinished work is marked in the sources', () => {
    const pattern = new RegExp(
      ['TO', 'DO\\b|FIX', 'ME\\b|X', 'XX\\b|\\.(?:todo|only)\\('].join(''),
    );
    const marked = sources.filter(
      (file) => file.path !== 'test/tidy.test.ts' && pattern.test(file.text),
    );
    expect(marked.map((file) => file.path)).toEqual([]);
  });

  test('no catch-all names', () => {
    const pattern = /(?:^|\/)(?:utils?|helpers?|types|common|misc)(?:\.ts|\/)/;
    expect(sources.map((file) => file.path).filter((path) => pattern.test(path))).toEqual([]);
  });
});

describe('the error registry', () => {
  const documentation = readFileSync(join(ROOT, 'host/errors.md'), 'utf8');
  const documented = new Map(
    [...documentation.matchAll(/^\| `([A-Z_]+)` \| (\w+) \| (\d+) \|/gm)].map((row) => [
      row[1],
      { scope: row[2], status: Number(row[3]) },
    ]),
  );

  test('equals its documentation', () => {
    const registered = Object.entries(ERRORS).map(([code, { scope, status }]) => [
      code,
      { scope, status },
    ]);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(registered));
  });

  test('has no code that nothing raises', () => {
    const raised = (code: string) =>
      host.some((file) => file.path !== 'host/errors.ts' && file.text.includes(`'${code}'`));
    expect(Object.keys(ERRORS).filter((code) => !raised(code))).toEqual([]);
  });
});

function isIgnored(name: string): boolean {
  const ignored = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n');
  return ignored.includes(`${name}/`) || ignored.includes(name);
}

/**
 * Functions over a cap, found by indentation: the formatter puts the closing brace in the column of the line that
 * opened the body, so no parser is needed.
 */
function oversizedFunctions(file: SourceFile): string[] {
  const found: string[] = [];
  const head =
    /^(\s*)(?:export )?(?:default )?(?:async )?(?:function\*? ?\w*|(?:static )?(?:async )?(?:get |set )?#?\w+)\s*(?:<[^>]*>)?\(/;
  file.lines.forEach((line, start) => {
    const match = head.exec(line);
    if (match === null || /^\s*(?:if|for|while|switch|catch|return|else)\b/.test(line)) return;
    const indent = match[1];
    const open = file.lines.slice(start, start + 12).findIndex((next) => next.endsWith('{'));
    if (open < 0 || file.lines.slice(start, start + open).some((next) => next.endsWith(';')))
      return;
    const signature = file.lines.slice(start, start + open + 1).join(' ');
    if (!/\)\s*(?::[^;]*)?\{$/.test(signature)) return;
    const length = file.lines
      .slice(start + open + 1)
      .findIndex((next) => next.startsWith(`${indent}}`));
    if (length > FUNCTION_LINES_MAX) found.push(`${file.path}:${start + 1}: ${length} lines`);
    const parameters = parameterCount(signature);
    if (parameters > PARAMETERS_MAX)
      found.push(`${file.path}:${start + 1}: ${parameters} parameters`);
  });
  return found;
}

function parameterCount(signature: string): number {
  const from = signature.indexOf('(');
  let depth = 0;
  let commas = 0;
  let last = from;
  for (let at = from; at < signature.length; at++) {
    const character = signature[at];
    if ('([{<'.includes(character)) depth++;
    if (')]}'.includes(character) || (character === '>' && signature[at - 1] !== '=')) depth--;
    if (character === ',' && depth === 1) {
      commas++;
      last = at;
    }
    if (depth === 0) return parametersBetween(signature, { from, to: at, last, commas });
  }
  return 0;
}

function parametersBetween(
  signature: string,
  span: {
    readonly from: number;
    readonly to: number;
    readonly last: number;
    readonly commas: number;
  },
): number {
  if (signature.slice(span.from + 1, span.to).trim() === '') return 0;
  const trailing = span.commas > 0 && signature.slice(span.last + 1, span.to).trim() === '';
  return span.commas + (trailing ? 0 : 1);
}
