import { readFileSync } from 'node:fs';

/** Whether a process runs, stands still (SIGSTOP), or has gone. */
export function processState(pid: number): 'runs' | 'stopped' | 'gone' {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
    if (state === 'Z' || state === 'X') return 'gone';
    return state === 'T' ? 'stopped' : 'runs';
  } catch {
    return 'gone';
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has gone.
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
