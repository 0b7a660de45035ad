import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The release after the one that runs Millrace. */
const RELEASE = '26';
const PACKAGE = `node-linux-${process.arch}`;
const FOLDER = join(homedir(), '.cache', 'millrace-tests', `node-${RELEASE}`);
const BINARY = join(FOLDER, 'node_modules', PACKAGE, 'bin', 'node');

export type NextNode = { readonly path: string } | { readonly missing: string };

/** The next Node, from its package, installed once into a folder of the user's cache; or why there is none. */
export function nextNode(): NextNode {
  if (process.platform !== 'linux') return { missing: `there is no ${PACKAGE} for this system` };
  if (existsSync(BINARY)) return { path: BINARY };
  try {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }');
    const args = [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      `${PACKAGE}@${RELEASE}`,
    ];
    execFileSync('npm', args, { cwd: FOLDER, stdio: 'ignore', timeout: 120_000 });
    return { path: BINARY };
  } catch {
    return { missing: `${PACKAGE}@${RELEASE} cannot be installed` };
  }
}
