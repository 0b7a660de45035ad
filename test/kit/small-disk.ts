import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A file system of a few megabytes in memory, that can be filled to the last byte. */
export interface SmallDisk {
  readonly path: string;
  fill(): void;
  free(): void;
}

/** Why this machine has no `SmallDisk` to give; undefined when it has. */
export function smallDiskRefusal(): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'millrace-mount-'));
  try {
    mount(path, 64);
    unmount(path);
    return undefined;
  } catch (thrown) {
    return `a file system in memory cannot be mounted: ${String((thrown as Error).message).slice(0, 120)}`;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** Mounted until the test ends. */
export function createSmallDisk(kibibytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
  mount(path, kibibytes);
  onTestFinished(() => {
    unmount(path);
    rmSync(path, { recursive: true, force: true });
  });
  const filler = join(path, 'filler');
  return {
    path,
    fill() {
      const file = openSync(filler, 'a');
      try {
        for (const page = new Uint8Array(4_096); ; ) writeSync(file, page);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
  };
}

function mount(path: string, kibibytes: number): void {
  const options = ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', path];
  execFileSync('mount', options, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Lazily: a process may not have let go of its last file yet. */
function unmount(path: string): void {
  execFileSync('umount', ['-l', path], { stdio: 'ignore' });
}
