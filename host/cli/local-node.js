// Which Node runs Millrace, and with which flags. Plain JavaScript, see `millrace.js`.

import { createRequire } from 'node:module';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Node that the lock file pins, or, on a platform it has no build for, the one that runs now. */
export function localNode() {
  const require = createRequire(import.meta.url);
  const name = `node-${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${name}/bin/node`);
  } catch {
    requireVersion(process.versions.node, name);
    return process.execPath;
  }
}

/**
 * Flags the process needs. From a checkout: none. As an installed package: a hook that strips types, which Node
 * itself declines to do below `node_modules`.
 */
export function nodeArguments() {
  const here = fileURLToPath(import.meta.url);
  if (!here.includes(`${sep}node_modules${sep}`)) return [];
  return [`--import=${new URL('../strip-types.js', import.meta.url).href}`];
}

function requireVersion(version, name) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  console.error(
    `USAGE: Node ${version} is too old and the package "${name}" is not installed\n` +
      '  hint: run npm install without --omit=optional, or use Node 22.18 or later',
  );
  process.exit(2);
}
