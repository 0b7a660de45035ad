/**
 * What every bench is made of. A bench answers one question: it runs its candidates turn by turn in one process run, so that
 * they share whatever the machine is doing, and compares medians. Trust the ratios, not the nanoseconds.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Turns per candidate; a median of fewer says nothing. */
export const TURNS_MIN = 5;

export interface Options {
  /** Tiny counts: shows that the bench runs, its numbers mean nothing. */
  readonly quick: boolean;
  readonly json: boolean;
}

/** One way to do the work. `turn` does it once and returns what it took, in the bench's unit. */
export interface Candidate {
  readonly name: string;
  turn(): number;
}

export interface Result {
  readonly name: string;
  readonly median: number;
  readonly best: number;
  readonly worst: number;
}

/** A result line: columns in order of insertion. Numbers are rounded when printed as a table. */
export type Line = { readonly [column: string]: string | number | null };

export function readOptions(args: readonly string[] = process.argv.slice(2)): Options {
  const unknown = args.filter((arg) => arg !== '--quick' && arg !== '--json');
  if (unknown.length > 0) {
    console.error(`unknown option ${unknown[0]}; there are --quick and --json`);
    process.exit(2);
  }
  return { quick: args.includes('--quick'), json: args.includes('--json') };
}

/** Runs all candidates turn by turn, after one turn each that does not count. */
export function compare(candidates: readonly Candidate[], turns = TURNS_MIN): Result[] {
  const times = candidates.map((): number[] => []);
  for (let turn = -1; turn < Math.max(turns, TURNS_MIN); turn++) {
    for (const [i, candidate] of candidates.entries()) {
      const time = candidate.turn();
      if (turn >= 0) times[i].push(time);
    }
  }
  return candidates.map(({ name }, i) => ({
    name,
    median: median(times[i]),
    best: Math.min(...times[i]),
    worst: Math.max(...times[i]),
  }));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Nanoseconds that `work` takes, divided by `operations`. */
export function nanosecondsPer(operations: number, work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / operations;
}

/** Pseudo-random integers from 0 up to `limit`, the same in every run. */
export function randomBelow(limit: number): () => number {
  let state = 0x2545_f491;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * limit);
  };
}

export type Native = { readonly path: string } | { readonly missing: string };

/** Compiles `bench/native/<name>.c` with the system's C compiler into a folder that goes when the process ends. */
export function compileC(name: string, optimisation: '-O2' | '-O3' = '-O3'): Native {
  const compiler = ['gcc', 'cc'].find((each) => !spawnSync(each, ['--version']).error);
  if (compiler === undefined) return { missing: 'no C compiler (gcc or cc) on this machine' };
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, basename(name));
  const source = join(import.meta.dirname, 'native', `${name}.c`);
  execFileSync(compiler, [optimisation, '-march=native', '-std=gnu11', '-o', path, source, '-lm']);
  return { path };
}

/** Runs a compiled bench once; it prints one number. */
export function runNative(native: { readonly path: string }, args: readonly number[]): number {
  const output = execFileSync(native.path, args.map(String), { encoding: 'utf8' });
  const value = Number(output);
  if (output.trim() === '' || !Number.isFinite(value)) {
    throw new Error(`${basename(native.path)} printed ${JSON.stringify(output)}, not a number`);
  }
  return value;
}

/** Prints a titled table, or one JSON document a table with `--json`. */
export function report(title: string, lines: readonly Line[], options: Options): void {
  if (options.json) {
    const machine = {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      node: process.version,
    };
    console.log(JSON.stringify({ bench: title, quick: options.quick, machine, lines }));
    return;
  }
  console.log(`\n${title}${options.quick ? ' (quick: the numbers mean nothing)' : ''}`);
  const columns = [...new Set(lines.flatMap((line) => Object.keys(line)))];
  const rows = [columns, ...lines.map((line) => columns.map((column) => cell(line[column])))];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows) {
    const cells = row.map((text, i) =>
      i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]),
    );
    console.log(`  ${cells.join('  ').trimEnd()}`);
  }
}

function cell(value: Line[string] | undefined): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string' || Number.isInteger(value)) return String(value);
  return value.toFixed(value < 10 ? 2 : 1);
}
