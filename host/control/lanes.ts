import { UPLOADS_WAITING_MAX } from '../admission-limits.ts';
import { MillraceError } from '../errors.ts';

/** Runs a function as soon as a lane is free, in the order they were handed in. Throws `UPLOADS_BUSY`. */
export type Lanes = <T>(run: () => Promise<T>) => Promise<T>;

/** So many functions at a time; the others wait, up to `waitingMax` of them. */
export function createLanes(count: number, waitingMax = UPLOADS_WAITING_MAX): Lanes {
  const waiting: (() => void)[] = [];
  let free = count;
  return async (run) => {
    if (free === 0) {
      if (waiting.length >= waitingMax) throw uploadsBusy(waiting.length);
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      free--;
    }
    try {
      return await run();
    } finally {
      // Who waits takes the lane over, so that nobody who comes now can slip in between.
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

export function uploadsBusy(waiting: number): MillraceError {
  return new MillraceError('UPLOADS_BUSY', `${waiting} uploads are waiting already`, {
    hint: 'try again in a few seconds',
  });
}
