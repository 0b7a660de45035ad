import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Element } from '../../host/model/element.ts';
import type { ChannelSender } from '../../host/runtime/channel.ts';
import { OutputTarget } from '../../host/runtime/output-target.ts';

const SIZES = { initialBytes: 64, batchBytes: 256 };

/** A channel that takes only what it is allowed to, and holds the sender to its contract. */
function stubborn() {
  const taken: Element[] = [];
  let allowed = 0;
  let refused: string | undefined;
  const sender: ChannelSender = {
    send(element) {
      const text = textOf(element);
      if (refused !== undefined) expect(text, 'the refused element comes again').toBe(refused);
      if (allowed === 0) {
        refused = text;
        return false;
      }
      refused = undefined;
      allowed -= 1;
      taken.push(copyOf(element));
      return true;
    },
    overtake() {},
  };
  return {
    sender,
    taken,
    allow(elements: number) {
      allowed = elements;
    },
  };
}

function copyOf(element: Element): Element {
  if (element.kind !== 'batch') return element;
  return { kind: 'batch', batch: { ...element.batch, bytes: element.batch.bytes.slice() } };
}

function textOf(element: Element): string {
  return element.kind === 'batch' ? element.batch.bytes.join() : JSON.stringify(element);
}

/** Rows of 8 bytes each, numbered. */
function rows(first: number, count: number) {
  const bytes = new Uint8Array(count * 8);
  for (let i = 0; i < count; i += 1) bytes.fill((first + i) & 255, i * 8, i * 8 + 8);
  return { bytes, count };
}

describe('output target', () => {
  test('sends rows and marks in order, whatever the channel refuses', () => {
    const turn = fc.record({
      outputs: fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 4 }),
      mark: fc.boolean(),
      allowed: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 30 }), (turns) => {
        const { sender, taken, allow } = stubborn();
        const target = new OutputTarget(sender, SIZES);
        const expected: string[] = [];
        let row = 0;
        let marks = 0;
        for (const { outputs, mark, allowed } of turns) {
          allow(allowed);
          // As a task: nothing new while something waits.
          if (target.drain()) {
            for (const count of outputs) {
              for (let i = 0; i < count; i += 1) expected.push(String((row + i) & 255));
              target.pass(rows(row, count));
              row += count;
            }
            if (mark) {
              expected.push(`mark ${++marks}`);
              target.mark({ kind: 'barrier', checkpoint: marks });
            }
          }
        }
        allow(1_000);
        target.drain();
        target.flush();
        const sent = taken.flatMap((element) => {
          if (element.kind === 'barrier') return [`mark ${element.checkpoint}`];
          if (element.kind !== 'batch') return [];
          return Array.from({ length: element.batch.count }, (_, i) =>
            String(element.batch.bytes[i * 8]),
          );
        });
        expect(sent).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('lets small outputs gather to a batch', () => {
    const { sender, taken, allow } = stubborn();
    const target = new OutputTarget(sender, SIZES);
    allow(100);
    for (let i = 0; i < 64; i += 1) target.pass(rows(i, 1));
    expect(taken.map((one) => (one.kind === 'batch' ? one.batch.count : 0))).toEqual([32, 32]);
  });

  test('lets go of a buffer that one large output has blown up', () => {
    const { sender, allow } = stubborn();
    const target = new OutputTarget(sender, SIZES);
    target.gathering.append(rows(0, 1 << 18));
    target.settle();
    allow(1);
    expect(target.drain()).toBe(true);
    expect(target.gathering.bytes.length).toBeLessThan(1 << 20);
    target.pass(rows(0, 1 << 18));
    allow(1);
    target.drain();
    target.pass(rows(0, 1));
    expect(target.gathering.bytes.length).toBeLessThan(1 << 20);
  });
});
