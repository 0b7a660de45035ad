import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A fresh directory that goes away with the test that asked for it. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
