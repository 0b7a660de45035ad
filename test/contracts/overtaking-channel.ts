import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Element } from '../../host/model/element.ts';
import { batchOf, type ChannelEnds, textOf } from './channel.ts';

const HUGE_BYTES = 3 << 20;
const END: Element = { kind: 'end' };

/** What barriers that overtake do in every channel. */
export function overtakingChannelContract(name: string, create: () => ChannelEnds): void {
  describe(`overtaking in a channel: ${name}`, () => {
    test('a barrier that overtakes stands behind what was accepted, before what was refused', () => {
      const { sender, receiver } = create();
      let taken = 0;
      while (sender.send(batchOf(1024, taken))) taken += 1;
      expect(receiver.overtaken).toBe(0);
      expect(receiver.inFlight(7)).toBeUndefined();
      sender.overtake(7);
      expect(receiver.overtaken).toBe(7);
      const sent = Array.from({ length: taken }, (_, i) => textOf(batchOf(1024, i)));
      const inFlight = receiver.inFlight(7) ?? [];
      expect(inFlight.map((batch) => textOf({ kind: 'batch', batch }))).toEqual(sent);
      const received: string[] = [];
      let refused: Element | undefined = batchOf(1024, taken);
      for (let waits = 0; waits < 3; waits += 1) {
        for (let one = receiver.receive(); one !== undefined; one = receiver.receive()) {
          received.push(textOf(one));
          if (refused !== undefined && sender.send(refused)) refused = undefined;
        }
      }
      const overtaking: Element = { kind: 'barrier', checkpoint: 7, unaligned: true };
      expect(received).toEqual([...sent, textOf(overtaking), textOf(batchOf(1024, taken))]);
      expect(receiver.inFlight(7)).toEqual([]);
    });

    test('a barrier that overtakes is not held up by a batch that is under way in pieces', () => {
      const { sender, receiver } = create();
      const huge = batchOf(HUGE_BYTES, 1);
      expect(sender.send(batchOf(64, 0))).toBe(true);
      const whole = sender.send(huge);
      sender.overtake(3);
      const inFlight = receiver.inFlight(3) ?? [];
      expect(inFlight.map(({ bytes }) => bytes.length)).toEqual(whole ? [64, HUGE_BYTES] : [64]);
      const received = exchangeRest({ sender, receiver }, whole ? [] : [huge]);
      const kinds = received.map((one) => (isBatch(one) ? one.batch.bytes.length : one.kind));
      expect(kinds).toEqual(whole ? [64, HUGE_BYTES, 'barrier'] : [64, 'barrier', HUGE_BYTES]);
    });

    test('what is in flight ends with the channel, and marks are not in it', () => {
      const { sender, receiver } = create();
      const watermark: Element = { kind: 'watermark', timeMs: 5 };
      const barrier: Element = { kind: 'barrier', checkpoint: 1 };
      for (const element of [watermark, batchOf(64, 0), barrier, batchOf(64, 1), END]) {
        expect(sender.send(element)).toBe(true);
      }
      expect(receiver.inFlight(2)?.length).toBe(2);
      expect(exchangeRest({ sender, receiver }, []).length).toBe(5);
    });

    test('whenever barriers overtake, nothing is lost, and the last stands where it overtook', () => {
      const send = fc.nat(5000).map((rows) => ({ kind: 'send' as const, bytes: 8 + rows * 8 }));
      const step = fc.oneof(
        { weight: 5, arbitrary: send },
        { weight: 5, arbitrary: fc.constant({ kind: 'receive' as const }) },
        { weight: 1, arbitrary: fc.constant({ kind: 'overtake' as const }) },
      );
      const run = fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { sender, receiver } = create();
        const waiting: Element[] = [];
        const received: Element[] = [];
        let [checkpoint, offered, accepted] = [0, 0, 0];
        for (const one of [...steps, { kind: 'overtake' as const }]) {
          if (one.kind === 'send') waiting.push(batchOf(one.bytes, offered++));
          if (waiting.length > 0 && sender.send(waiting[0])) {
            waiting.shift();
            accepted += 1;
          }
          if (one.kind === 'overtake') {
            checkpoint += 1;
            sender.overtake(checkpoint);
            const left = accepted - received.filter(isBatch).length;
            expect(receiver.inFlight(checkpoint)?.length).toBe(left);
          }
          const element = one.kind === 'receive' ? receiver.receive() : undefined;
          if (element !== undefined) received.push(element);
        }
        received.push(...exchangeRest({ sender, receiver }, waiting));
        expect(received.filter(isBatch).length).toBe(offered);
        const place = received.findIndex((each) => isBarrier(each, checkpoint));
        expect(received.slice(0, place).filter(isBatch).length).toBe(accepted);
        expect(received.filter((each) => isBarrier(each, checkpoint)).length).toBe(1);
      });
      fc.assert(run, { numRuns: 60 });
    });
  });
}

function isBatch(element: Element): element is Element & { readonly kind: 'batch' } {
  return element.kind === 'batch';
}

function isBarrier(element: Element, checkpoint: number): boolean {
  return element.kind === 'barrier' && element.checkpoint === checkpoint;
}

/** Sends what is left and receives everything. The batches' rows are good until the next one only. */
function exchangeRest({ sender, receiver }: ChannelEnds, left: readonly Element[]): Element[] {
  const waiting = [...left];
  const received: Element[] = [];
  // A huge batch goes over in pieces: many turns without an element.
  for (let idle = 0; idle < 2 || waiting.length > 0; idle += 1) {
    while (waiting.length > 0 && sender.send(waiting[0])) waiting.shift();
    for (let one = receiver.receive(); one !== undefined; one = receiver.receive()) {
      received.push(one);
      idle = 0;
    }
  }
  return received;
}
