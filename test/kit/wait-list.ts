/** Those who wait for something to become true, and are told of every change. */
export interface WaitList<T> {
  /** Resolves at the first notified value that satisfies `condition`. */
  until(condition: (value: T) => boolean): Promise<T>;
  notify(value: T): void;
}

/** Makes a `WaitList`: the tests' way of waiting without sleeping. */
export function waitList<T>(): WaitList<T> {
  const waiting = new Set<(value: T) => void>();
  return {
    until: (condition) =>
      new Promise((resolve) => {
        const look = (value: T) => {
          if (!condition(value)) return;
          waiting.delete(look);
          resolve(value);
        };
        waiting.add(look);
      }),
    notify(value) {
      for (const look of [...waiting]) look(value);
    },
  };
}
