/** What a measured program prints about itself. */
export interface Lap {
  readonly wallMs: number;
  /** Of all threads of the process: the compilers and the garbage collector of V8 have some. */
  readonly processorMs: number;
}

/** Started by a program's first statement: starting Node and loading modules do not count. */
export function startStopwatch(): { print(): void } {
  const start = performance.now();
  const used = process.cpuUsage();
  return {
    print() {
      const { user, system } = process.cpuUsage(used);
      const lap: Lap = {
        wallMs: performance.now() - start,
        processorMs: (user + system) / 1_000,
      };
      console.log(JSON.stringify(lap));
    },
  };
}
