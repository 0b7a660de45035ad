import type { Clock } from '../../clock.ts';
import { isPassing } from './postgres-failed.ts';

const PAUSE_MS = 100;
const PAUSE_MAX_MS = 2_000;

/** Tries `work` until it succeeds, fails for good, or `timeoutMs` are over; then it throws what the last try threw. */
export async function bridge<T>(
  work: () => Promise<T>,
  clock: Clock,
  timeoutMs: number,
): Promise<T> {
  const startedMs = clock.monotonicMs();
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || clock.monotonicMs() - startedMs + pauseMs > timeoutMs) throw error;
    }
    await new Promise<void>((resolve) => void clock.after(pauseMs, resolve));
  }
}
