import { watch } from 'node:fs';

/** Tells when something in a folder may have changed. */
export interface WatchedFolder {
  /** Resolves at the next change, after a while, or when the signal aborts. */
  next(): Promise<void>;
  close(): void;
}

/** Watches a folder that is there. Not every file system tells of changes, so `next` resolves after `pollMs` in any case. */
export function watchFolder(path: string, signal: AbortSignal, pollMs: number): WatchedFolder {
  let wake = () => {};
  let changed = false;
  const onChange = () => {
    changed = true;
    wake();
  };
  const watcher = watch(path, { persistent: false }, onChange);
  watcher.on('error', () => watcher.close());
  signal.addEventListener('abort', onChange);
  return {
    next: () =>
      new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          changed = false;
          resolve();
        };
        const timer = setTimeout(end, pollMs);
        wake = end;
        // A change since the last call must not be waited for.
        if (changed || signal.aborted) end();
      }),
    close() {
      signal.removeEventListener('abort', onChange);
      watcher.close();
    },
  };
}
