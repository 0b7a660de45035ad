/** Programs that read a file and write another, each turn in a process of its own, which times itself from its first statement to its written output. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Candidate, compare, type Line, median } from './kit.ts';
import type { Lap } from './programs/stopwatch.ts';

/** A program under measurement, and what its turns took of the processor. */
export interface Program extends Candidate {
  readonly processorMs: number[];
  /** The last turn's output, its lines sorted. */
  lines(): string;
}

/** `script` is of this folder and takes an input, an output, and `args`. */
export function createProgram(
  name: string,
  script: string,
  paths: { readonly input: string; readonly output: string },
  ...args: readonly string[]
): Program {
  const processorMs: number[] = [];
  return {
    name,
    processorMs,
    turn() {
      rmSync(paths.output, { recursive: true, force: true });
      const command = [join(import.meta.dirname, script), paths.input, paths.output, ...args];
      const lap: Lap = JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' }));
      processorMs.push(lap.processorMs);
      return lap.wallMs;
    },
    lines: () => sortedLines(paths.output),
  };
}

/** Compares programs, the first of which is Millrace, and their outputs. `unit` is what an input has `count` of. */
export function comparePrograms(
  programs: readonly Program[],
  input: { readonly count: number; readonly unit: string; readonly bytes: number },
): Line[] {
  const results = compare(programs);
  const lines = programs[0].lines();
  for (const program of programs) {
    if (program.lines() !== lines) throw new Error(`${program.name} has other output`);
  }
  // The first turn, which does not count, is among them.
  const processor = programs.map((program) => median(program.processorMs.slice(1)));
  return results.map(({ name, median: wallMs }, i) => ({
    program: name,
    'wall, ms': wallMs,
    [`M ${input.unit}/s`]: input.count / wallMs / 1_000,
    'MB/s': input.bytes / wallMs / 1_000,
    'processor, ms': processor[i],
    'Millrace’s rate ÷ its': wallMs / results[0].median,
    'in processor time': processor[i] / processor[0],
  }));
}

/** Of a file, or of the files in a directory. */
function sortedLines(output: string): string {
  const paths = statSync(output).isDirectory()
    ? readdirSync(output).map((name) => join(output, name))
    : [output];
  const text = paths.map((path) => readFileSync(path, 'utf8')).join('');
  return text.trimEnd().split('\n').sort().join('\n');
}
