/** What the demo says while it works: lines that stay, and one line that is written over when the output is a terminal. */
export interface Progress {
  say(text: string): void;
  /** Replaces the live line. */
  line(text: string): void;
  /** A live line that depends on a rate; the rate is taken between two calls. */
  rate(atMs: number, total: number, text: (perSecond: number) => string): void;
  /** Runs some work and says that it is under way when it takes longer than two seconds. */
  during<T>(what: string, work: () => Promise<T>): Promise<T>;
  endLine(): void;
  end(): void;
}

/** A rate is taken over at least this long. */
const RATE_INTERVAL_MS = 500;
/** Without a terminal the live line is printed once a second instead. */
const PRINT_INTERVAL_MS = 1_000;

export function createProgress(): Progress {
  const live = process.stdout.isTTY;
  let open = false;
  let printedAtMs = 0;
  let last: { readonly atMs: number; readonly total: number } | undefined;
  const endLine = () => {
    if (open) process.stdout.write('\n');
    open = false;
  };
  const say = (text: string) => {
    endLine();
    console.log(text);
  };
  const line = (text: string) => {
    if (live) {
      process.stdout.write(`\r\x1b[K${text}`);
      open = true;
    } else if (Date.now() - printedAtMs >= PRINT_INTERVAL_MS) {
      printedAtMs = Date.now();
      console.log(text);
    }
  };
  return {
    say,
    line,
    rate(atMs, total, text) {
      // Totals start anew with every attempt of the job, and arrive a few times a second.
      if (last === undefined || total < last.total) last = { atMs, total };
      const elapsedMs = atMs - last.atMs;
      if (elapsedMs < RATE_INTERVAL_MS) return;
      line(text(((total - last.total) / elapsedMs) * 1_000));
      last = { atMs, total };
    },
    async during(what, work) {
      const timer = setTimeout(() => say(`${what} …`), 2_000);
      try {
        return await work();
      } finally {
        clearTimeout(timer);
      }
    },
    endLine,
    end: endLine,
  };
}
