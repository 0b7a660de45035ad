#!/usr/bin/env node
// The command's entry. Plain JavaScript, because whichever Node found it may be too old to run the rest: it hands over
// to the Node that this package locks as a dependency, and exits as that one does.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { localNode, nodeArguments } from './local-node.js';

const main = new URL('../main.ts', import.meta.url);
const node = localNode();

if (node === process.execPath && nodeArguments().every((flag) => process.execArgv.includes(flag))) {
  const { runCommandLine } = await import(main.href);
  await runCommandLine(process.argv.slice(2));
} else {
  const child = spawn(
    node,
    [...nodeArguments(), new URL(import.meta.url).pathname, ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  );
  // A terminal sends Ctrl-C to both processes, a `kill` only to this one: what comes twice at once the child takes as once.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`INTERNAL: cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? code : 128 + (constants.signals[signal] ?? 0);
  });
}
