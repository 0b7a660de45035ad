/** Runs one function at a time, in the order they were handed in. */
export type Mutex = <T>(run: () => Promise<T>) => Promise<T>;

/** A mutex. A function that throws does not stop the ones behind it. */
export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const mine = last.then(run, run);
    last = mine.catch(() => {});
    return mine;
  };
}
