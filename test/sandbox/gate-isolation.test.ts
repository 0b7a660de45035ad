import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

/** Every file of ours that `entry` imports, itself included. */
function reachable(entry: string, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found;
  found.add(entry);
  const text = readFileSync(entry, 'utf8');
  for (const [statement, path] of text.matchAll(/^import [^;]*?from '(\.[^']+)';/gms)) {
    if (!statement.startsWith('import type')) reachable(join(dirname(entry), path), found);
  }
  return found;
}

const gate = join(import.meta.dirname, '../../host/sandbox/gate.ts');

test('the gate reaches no code that could compile an upload', () => {
  const files = [...reachable(gate)];
  expect(files.length).toBeGreaterThan(20);
  for (const file of files) {
    const code = readFileSync(file, 'utf8').replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, '');
    expect(code, file).not.toMatch(/\bWebAssembly\s*[.[]/);
  }
});
