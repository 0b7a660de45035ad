import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';

/** Editors write a file in several steps; what comes within this time is one change. */
const SETTLE_MS = 40;

/**
 * Says when source files change: `changed` resolves with when the change was seen, ms of `performance.now`, once something in the folders
 * of `files` that ends in `.ts` has been written and then left alone for a moment.
 */
export class SourceWatch {
  readonly #watchers: readonly FSWatcher[];
  #seenMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waiting: ((seenMs: number) => void) | undefined;

  constructor(files: readonly string[]) {
    const folders = new Set(files.flatMap((file) => foldersIn(dirname(file))));
    // Folder by folder: a recursive watch loses files that an editor replaces by renaming.
    this.#watchers = [...folders].map((folder) =>
      watch(folder, (_, name) => {
        if (name?.endsWith('.ts')) this.#see();
      }),
    );
  }

  /** The next change, also one that came before the call and that nobody has taken. */
  changed(): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#seenMs !== undefined && this.#timer === undefined) this.#settle();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #see(): void {
    this.#seenMs ??= performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#settle();
    }, SETTLE_MS);
  }

  #settle(): void {
    if (this.#waiting === undefined || this.#seenMs === undefined) return;
    const [waiting, seenMs] = [this.#waiting, this.#seenMs];
    this.#waiting = undefined;
    this.#seenMs = undefined;
    waiting(seenMs);
  }
}

/** A folder and those below it that may hold sources. */
function foldersIn(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'),
  );
  return [folder, ...below.flatMap((entry) => foldersIn(join(folder, entry.name)))];
}
