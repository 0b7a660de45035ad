import {
  COUNT_TTL_MS,
  type CommandState,
  PAGES_TTL_MS,
  runCommand,
  runTimer,
} from './process-commands.ts';

/** What one key knows, written as plainly as can be. */
interface KeyModel {
  count: { readonly value: number; readonly atMs: number } | undefined;
  list: string[];
  pages: Map<number, { readonly text: string; readonly atMs: number }>;
  timers: Set<number>;
  processing: Set<number>;
}

export interface OracleReply {
  readonly side: string | undefined;
  readonly text: string;
  readonly time: number;
}

/** The command function from scratch: one record after the other, one timer after the other, nothing in batches. */
export class ProcessOracle {
  readonly #keys = new Map<string, KeyModel>();
  /** By key, in order. */
  readonly replies = new Map<string, OracleReply[]>();
  commands = 0;
  #nowMs = 0;

  command(key: string, op: string, { arg, time }: { arg: number; time: number }): void {
    const model = this.#model(key);
    const before = structuredClone(model);
    const replies: OracleReply[] = [];
    try {
      runCommand(op, arg, this.#state(key, time, replies));
      this.commands += 1;
      this.#say(key, replies);
    } catch {
      this.#keys.set(key, before);
    }
  }

  watermark(timeMs: number): void {
    for (const key of this.#keys.keys()) {
      for (;;) {
        const model = this.#model(key);
        const next = Math.min(...model.timers);
        if (next > timeMs) break;
        model.timers.delete(next);
        this.#fire(key, next, false);
      }
    }
  }

  /** What is due now, and what that sets, if it is due. */
  time(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const key of this.#keys.keys()) {
      for (;;) {
        const model = this.#model(key);
        const next = Math.min(...model.processing);
        if (next > nowMs) break;
        model.processing.delete(next);
        this.#fire(key, next, true);
      }
    }
  }

  /** Keys that have something that is not over. */
  get alive(): number {
    const now = this.#nowMs;
    return [...this.#keys.values()].filter(({ count, list }) => {
      return (count !== undefined && count.atMs + COUNT_TTL_MS > now) || list.length > 0;
    }).length;
  }

  /** Entries of maps that are not over. */
  get pages(): number {
    return [...this.#keys.keys()].reduce((sum, key) => {
      return sum + this.#state(key, 0, []).pages().length;
    }, 0);
  }

  get timers(): number {
    return [...this.#keys.values()].reduce((sum, { timers, processing }) => {
      return sum + timers.size + processing.size;
    }, 0);
  }

  #fire(key: string, timeMs: number, isProcessing: boolean): void {
    const replies: OracleReply[] = [];
    runTimer(timeMs, isProcessing, this.#state(key, timeMs, replies));
    this.#say(key, replies);
  }

  #say(key: string, replies: readonly OracleReply[]): void {
    this.replies.set(key, [...(this.replies.get(key) ?? []), ...replies]);
  }

  #model(key: string): KeyModel {
    let model = this.#keys.get(key);
    if (model === undefined) {
      model = {
        count: undefined,
        list: [],
        pages: new Map(),
        timers: new Set(),
        processing: new Set(),
      };
      this.#keys.set(key, model);
    }
    return model;
  }

  #state(key: string, time: number, replies: OracleReply[]): CommandState {
    const nowMs = this.#nowMs;
    const model = this.#model(key);
    const isOver = (atMs: number, ttlMs: number) => atMs + ttlMs <= nowMs;
    const change = (set: Set<number>) => (kind: 'set' | 'delete', timeMs: number) => {
      if (kind === 'set') set.add(timeMs);
      else set.delete(timeMs);
    };
    return {
      ...{ key, nowMs, time },
      count: () =>
        model.count === undefined || isOver(model.count.atMs, COUNT_TTL_MS) ? 0 : model.count.value,
      setCount: (value) => {
        model.count = value === null ? undefined : { value, atMs: nowMs };
      },
      list: () => model.list,
      push: (text) => {
        model.list.push(text);
      },
      page(at) {
        const page = model.pages.get(at);
        return page === undefined || isOver(page.atMs, PAGES_TTL_MS) ? undefined : page.text;
      },
      setPage(at, text) {
        const page = model.pages.get(at);
        if (text === null || (page !== undefined && isOver(page.atMs, PAGES_TTL_MS))) {
          model.pages.delete(at);
        }
        if (text !== null) model.pages.set(at, { text, atMs: nowMs });
      },
      pages: () =>
        [...model.pages]
          .filter(([, page]) => !isOver(page.atMs, PAGES_TTL_MS))
          .map(([at, { text }]) => [at, text]),
      timer: change(model.timers),
      processing: change(model.processing),
      reply: (text) => replies.push({ side: undefined, text, time }),
      odd: (text) => replies.push({ side: 'odd', text, time }),
      fail: () => {
        throw new Error('asked for');
      },
    };
  }
}
