import { createReadStream, fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { isMainThread } from 'node:worker_threads';

/**
 * The process's standard input as a stream. In a worker thread `process.stdin` is a stream of the thread's own, so the
 * descriptor is opened there by what it is.
 */
export function openStandardInput(): Readable {
  if (isMainThread) return process.stdin;
  if (isatty(0)) return new ReadStream(0);
  const stats = fstatSync(0);
  if (stats.isFIFO() || stats.isSocket()) return new Socket({ fd: 0, readable: true });
  return createReadStream('', { fd: 0, autoClose: false });
}
