import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A fresh directory that goes away with the test that asked for it. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-'));
  // A process that is on its way out may still write into it.
  const removal = { recursive: true, force: true, maxRetries: 20, retryDelay: 20 };
  onTestFinished(() => rmSync(path, removal));
  return path;
}
