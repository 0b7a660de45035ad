import type { Clock } from '../clock.ts';
import type { Idle } from './idle.ts';

/** The sleep of a loop that no other thread wakes. */
export function createLocalIdle(clock: Clock): Idle {
  let woken = false;
  let end: (() => void) | undefined;
  return {
    prepare() {
      woken = false;
    },
    cancel() {},
    async sleep(timeoutMs) {
      if (woken) return;
      await new Promise<void>((resolve) => {
        const cancelTimer = clock.after(timeoutMs, resolve);
        end = () => {
          cancelTimer();
          resolve();
        };
      });
      end = undefined;
    },
    wake() {
      woken = true;
      end?.();
    },
  };
}
