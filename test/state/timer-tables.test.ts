import { expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { hashKey } from '../../host/abi/key-hash.ts';
import { createHeapTimerTable } from '../../host/state/heap-timer-table.ts';
import { createMapTimerTable } from '../../host/state/map-timer-table.ts';
import { appendTimer } from '../../host/state/timer-entry.ts';
import { timerTableContract } from '../contracts/timer-table.ts';

timerTableContract('map', createMapTimerTable);
timerTableContract('heap', createHeapTimerTable);

test('a million timers of one time and of many are popped in well under a second', () => {
  for (const spreadMs of [1, 1_000_000]) {
    const table = createHeapTimerTable({ keyGroups: 128, bytesMax: 2 ** 30 });
    const entries = new BatchBuilder(1 << 26);
    const key = new Uint8Array(8);
    const words = new Uint32Array(key.buffer);
    for (let i = 0; i < 1_000_000; i++) {
      words[0] = i;
      appendTimer(entries, (Math.imul(i, 0x9e3779b1) >>> 0) % spreadMs, {
        hash: hashKey(key),
        key,
      });
    }
    table.update(entries.batch().bytes);
    expect(table.entries).toBe(1_000_000);
    const out = new BatchBuilder();
    const start = performance.now();
    let popped = 0;
    for (let count = -1; count !== 0; popped += count) {
      out.clear();
      count = table.pop(spreadMs, 2_048, out);
    }
    const tookMs = performance.now() - start;
    expect(popped).toBe(1_000_000);
    expect(tookMs).toBeLessThan(2_000);
  }
});
