import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { createRing } from '../../host/runtime/ring-layout.ts';
import { createWakeWords } from '../../host/runtime/wake-words.ts';
import type { RingPeerResult, RingPeerStart } from '../kit/ring-peer.ts';

const SLEEP_MS = 5_000;

/** Runs both peers in threads of their own to the end. */
async function runPeers(
  options: Pick<RingPeerStart, 'batches' | 'inFlightMax' | 'seed'> & { readonly capacity: number },
): Promise<readonly RingPeerResult[]> {
  const { capacity, ...rest } = options;
  const wakeWords = createWakeWords(2);
  const rings = [createRing(capacity), createRing(capacity)];
  return await Promise.all(
    ([0, 1] as const).map((peer) => {
      const start: RingPeerStart = {
        ...rest,
        peer,
        wakeWords,
        outgoing: rings[peer],
        incoming: rings[1 - peer],
        sleepMs: SLEEP_MS,
      };
      const worker = new Worker(new URL('../kit/ring-peer.ts', import.meta.url), {
        workerData: start,
      });
      return new Promise<RingPeerResult>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
}

describe('a ring between two threads', () => {
  test.each([
    { name: 'one batch at a time, both sleep after each', inFlightMax: 1, batches: 4_000 },
    { name: 'a few batches, now and then one sleeps', inFlightMax: 3, batches: 20_000 },
    { name: 'as many as fit, mostly blocked', inFlightMax: 1_000, batches: 40_000 },
  ])('loses no batch and no wake-up: $name', async ({ inFlightMax, batches }) => {
    for (const seed of [1, 2, 3]) {
      const results = await runPeers({ inFlightMax, batches, seed, capacity: 32_768 });
      for (const result of results) {
        expect(result).toMatchObject({ received: batches, wrong: '', overslept: 0 });
      }
    }
  });

  test('passes batches larger than the ring in pieces', async () => {
    // Batches of up to 16 KiB through a ring of 4 KiB.
    const results = await runPeers({ inFlightMax: 4, batches: 5_000, seed: 4, capacity: 4_096 });
    for (const result of results) expect(result).toMatchObject({ wrong: '', overslept: 0 });
  });
});
