import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { latestDeadLetters } from '../../host/runtime/dead-letter-file.ts';
import type { Workload } from './workload.ts';

const PART = /^part-out-0-(\d+)(?:\.(\d+))?\.json$/;

/**
 * Holds what is visible against what must come, whatever happened:
 *
 * C1  Visible parts, one behind the other, are the beginning of the output that an unharmed run has, byte for byte; at the end all of it.
 * C2  A visible part never changes or goes away.
 */
export class OutputCheck {
  readonly #workload: Workload;
  readonly #directory: string;
  readonly #seen = new Map<string, number>();
  /** Bytes of the output that were seen to be right. */
  #checked = 0;

  constructor(workload: Workload, directory: string) {
    this.#workload = workload;
    this.#directory = directory;
  }

  get bytes(): number {
    return this.#checked;
  }

  /** Returns what is wrong. */
  check(): readonly string[] {
    if (!existsSync(this.#directory)) return [];
    const parts = visibleParts(this.#directory);
    const gone = [...this.#seen.keys()].filter((name) => !parts.includes(name));
    const wrong = gone.map((name) => `C2: "${name}" has gone`);
    for (const name of parts) {
      const path = join(this.#directory, name);
      const known = this.#seen.get(name);
      if (known === undefined) wrong.push(...this.#take(name, readFileSync(path)));
      else if (statSync(path).size !== known) wrong.push(`C2: "${name}" has changed`);
    }
    return wrong;
  }

  /** What is wrong at the end, when everything must be there. */
  checkEnd(): readonly string[] {
    const wrong = this.check();
    const missing = this.#workload.output.length - this.#checked;
    return missing === 0 ? wrong : [...wrong, `C1: ${missing} bytes of the output are missing`];
  }

  #take(name: string, bytes: Buffer): readonly string[] {
    const expected = this.#workload.output.subarray(this.#checked, this.#checked + bytes.length);
    this.#seen.set(name, bytes.length);
    this.#checked += bytes.length;
    if (bytes.equals(expected)) return [];
    const at = bytes.findIndex((byte, i) => byte !== expected[i]);
    const excerpt = JSON.stringify(bytes.subarray(at, at + 60).toString());
    return [`C1: "${name}" differs at byte ${at}: ${excerpt}`];
  }
}

/** In the order of their checkpoints. */
function visibleParts(directory: string): readonly string[] {
  const place = (name: string) => {
    const [, checkpoint, number = '1'] = PART.exec(name) ?? [];
    return Number(checkpoint) * 1_000_000 + Number(number);
  };
  return readdirSync(directory)
    .filter((name) => PART.test(name))
    .sort((a, b) => place(a) - place(b));
}

/** C3  Every poisoned line is a dead letter, once. */
export function checkDeadLetters(workload: Workload, jobDirectory: string): readonly string[] {
  const path = latestDeadLetters(jobDirectory);
  const lines = path === undefined ? [] : readFileSync(path, 'utf8').trimEnd().split('\n');
  const found = lines.filter((line) => line !== '').map(textOf);
  const expected = new Set(workload.poisoned);
  const again = found.filter((text) => !expected.delete(text));
  return [
    ...again.map((text) => `C3: "${text}" is a dead letter again, or should be none`),
    ...[...expected].map((text) => `C3: "${text}" is no dead letter`),
  ];
}

function textOf(line: string): string {
  const { row } = JSON.parse(line) as { readonly row: string };
  return /poison \d+/.exec(Buffer.from(row, 'base64').toString('latin1'))?.[0] ?? line;
}

/** C4  Nothing is left of attempts that are over, and old checkpoints are removed. */
export function checkTidiness(
  jobDirectory: string,
  out: string,
  retained: number,
): readonly string[] {
  const pending = readdirSync(out).filter((name) => name.startsWith('.'));
  const checkpoints = readdirSync(join(jobDirectory, 'checkpoints'));
  const wrong = pending.map((name) => `C4: "${name}" is left behind`);
  // State may be a chain of changes over earlier checkpoints; and zombies leave what no attempt has met since.
  const most = retained + 20;
  if (checkpoints.length <= most) return wrong;
  return [...wrong, `C4: ${checkpoints.length} checkpoints are left`];
}
