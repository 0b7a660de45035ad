import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('./shim.c', import.meta.url));

/** Compiles the shim into `directory`; undefined where there is no C compiler, or no Linux. */
export function compileShim(directory: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const shim = join(directory, 'shim.so');
  try {
    execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', shim, SOURCE, '-ldl'], {
      stdio: 'ignore',
    });
    return shim;
  } catch {
    return undefined;
  }
}
