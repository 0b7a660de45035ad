import { processIdentity } from './process-identity.ts';
import { listRunnerFiles, readRunnerFile, removeRunnerFile } from './runner-directory.ts';

/**
 * Kills what is left of the runners of attempts before `attempt` and resolves when none of them runs any more. The
 * caller has written the spec of `attempt` before, so that a runner that is only just starting leaves by itself (D2).
 */
export async function fenceRunners(directory: string, attempt: number): Promise<void> {
  for (const earlier of listRunnerFiles(directory)) {
    if (earlier >= attempt) continue;
    const file = readRunnerFile(directory, earlier);
    if (file !== undefined && file.identity !== undefined) await kill(file.pid, file.identity);
    removeRunnerFile(directory, earlier);
  }
}

/** Whether the process that had this number and start is still there. */
export function runs(pid: number, identity: string): boolean {
  return processIdentity(pid) === identity;
}

async function kill(pid: number, identity: string): Promise<void> {
  // SIGKILL also ends a stopped process, and cannot be ignored; the kernel takes a moment to do it.
  while (runs(pid, identity)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
