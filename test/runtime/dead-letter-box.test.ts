import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEAD_LETTER_BYTES_MAX } from '../../host/limits.ts';
import { DeadLetterBox } from '../../host/runtime/dead-letter-box.ts';
import type { DeadLetterEntry } from '../../host/runtime/task-capture.ts';

function letter(offset: number, bytes = 10): DeadLetterEntry {
  const excerpt = 'x'.repeat(bytes);
  return { kind: 'malformed', source: 'in', split: 's', offset, reason: 'bad', excerpt };
}

describe('dead letter box', () => {
  test('hands over every letter in exactly one checkpoint that settles', () => {
    const step = fc.record({ letters: fc.nat(5), settles: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const box = new DeadLetterBox();
        const durable: number[] = [];
        let added = 0;
        for (const [i, { letters, settles }] of [
          ...steps,
          { letters: 0, settles: true },
        ].entries()) {
          for (let one = 0; one < letters; one += 1) box.add(letter(added++));
          const captured = box.capture(i + 1);
          // Some come while the checkpoint is still being written.
          box.add(letter(added++));
          if (!settles) continue;
          durable.push(
            ...captured.map((entry) => (entry.kind === 'malformed' ? entry.offset : -1)),
          );
          box.settle(i + 1);
        }
        expect(durable).toEqual(Array.from({ length: added - 1 }, (_, i) => i));
      }),
    );
  });

  test('is crowded when it holds more than it should, until they are settled', () => {
    const box = new DeadLetterBox();
    const bytes = 1 << 16;
    for (let i = 0; i < DEAD_LETTER_BYTES_MAX / bytes; i += 1) {
      expect(box.crowded).toBe(false);
      box.add(letter(i, bytes));
    }
    expect(box.crowded).toBe(true);
    box.capture(1);
    box.settle(1);
    expect(box.crowded).toBe(false);
  });
});
