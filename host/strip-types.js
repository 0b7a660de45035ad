// Lets Node run this package's TypeScript from below `node_modules`, where it declines to do so by itself. Synchronous
// hooks: they serve the thread that loads this file. Worker threads and child processes get it by `--import`, see
// `runtime/strip-types-flags.ts`.

import { readFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

const { registerHooks, stripTypeScriptTypes } = nodeModule;
if (registerHooks === undefined || stripTypeScriptTypes === undefined) {
  throw new Error(
    `Node ${process.versions.node} cannot run Millrace as a library: it needs Node 22.18 or later`,
  );
}

const root = new URL('../', import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith(root) || !url.endsWith('.ts')) return nextLoad(url, context);
    const source = withoutWarning(() =>
      stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8')),
    );
    return { format: 'module', shortCircuit: true, source };
  },
});

/** Node calls the function experimental, once, on the standard error of a program that never heard of it. */
function withoutWarning(work) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
