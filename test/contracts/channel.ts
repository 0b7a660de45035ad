import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Element } from '../../host/model/element.ts';
import type { ChannelReceiver, ChannelSender } from '../../host/runtime/channel.ts';

export interface ChannelEnds {
  readonly sender: ChannelSender;
  readonly receiver: ChannelReceiver;
}

/** Bytes of a batch that no life takes in one piece. */
const HUGE_BYTES = 3 << 20;

/** What every channel does, whatever it is made of. */
export function channelContract(name: string, create: () => ChannelEnds): void {
  describe(`channel: ${name}`, () => {
    test('hands over what was sent, in order, however sending and receiving alternate', () => {
      const element = fc.oneof(
        { weight: 6, arbitrary: fc.nat(4000).map((rows) => batchOf(rows * 8)) },
        { weight: 1, arbitrary: fc.integer().map(watermark) },
        { weight: 1, arbitrary: fc.integer().map(idle) },
        { weight: 1, arbitrary: fc.nat().map(barrier) },
      );
      const turns = fc.array(fc.boolean(), { minLength: 1, maxLength: 50 });
      fc.assert(
        fc.property(fc.array(element, { maxLength: 60 }), turns, (elements, turnsTaken) => {
          expect(exchange(create(), [...elements, END], turnsTaken)).toEqual(
            [...elements.filter(isSomething), END].map(textOf),
          );
        }),
        { numRuns: 60 },
      );
    });

    test('refuses when it is full and takes again when there is room', () => {
      const { sender, receiver } = create();
      let taken = 0;
      while (sender.send(batchOf(1024, taken))) taken += 1;
      expect(taken).toBeGreaterThan(0);
      expect(sender.send(batchOf(1024, taken))).toBe(false);
      const received: string[] = [];
      let refused = batchOf(1024, taken);
      for (let i = 0; i <= taken; i += 1) {
        if (sender.send(refused)) refused = END;
        const element = receiver.receive();
        if (element !== undefined) received.push(textOf(element));
      }
      const sent = Array.from({ length: taken + 1 }, (_, i) => textOf(batchOf(1024, i)));
      expect(received.slice(0, taken + 1)).toEqual(sent);
    });

    test('leaves the sender its buffer', () => {
      const { sender, receiver } = create();
      const bytes = new Uint8Array(64).fill(7);
      expect(sender.send({ kind: 'batch', batch: { bytes, count: 2 } })).toBe(true);
      bytes.fill(9);
      const element = receiver.receive() as Element & { kind: 'batch' };
      expect([...element.batch.bytes]).toEqual(new Array(64).fill(7));
      expect(element.batch.count).toBe(2);
    });

    test('lets the receiver write into a batch until it asks for the next', () => {
      const { sender, receiver } = create();
      sender.send(batchOf(64, 1));
      sender.send(batchOf(64, 2));
      const first = receiver.receive() as Element & { kind: 'batch' };
      first.batch.bytes.fill(255);
      sender.send(batchOf(64, 3));
      expect([...first.batch.bytes]).toEqual(new Array(64).fill(255));
      expect(textOf(receiver.receive() as Element)).toBe(textOf(batchOf(64, 2)));
      expect(textOf(receiver.receive() as Element)).toBe(textOf(batchOf(64, 3)));
    });

    test('yields batches at 8-byte boundaries', () => {
      const { sender, receiver } = create();
      for (const bytes of [8, 24, 16, 40]) {
        sender.send(batchOf(bytes));
        sender.send(watermark(bytes));
        const element = receiver.receive() as Element & { kind: 'batch' };
        expect(element.batch.bytes.byteOffset % 8).toBe(0);
        expect(element.batch.bytes.length).toBe(bytes);
        receiver.receive();
      }
    });

    test('takes a batch larger than any of its buffers', () => {
      const elements = [batchOf(64, 1), batchOf(HUGE_BYTES, 2), batchOf(64, 3), END];
      expect(exchange(create(), elements, [true, false])).toEqual(elements.map(textOf));
    });

    test('keeps times and checkpoints of any safe size', () => {
      const { sender, receiver } = create();
      for (const value of [Number.MIN_SAFE_INTEGER, -1, 0, Number.MAX_SAFE_INTEGER]) {
        sender.send(watermark(value));
        sender.send(barrier(Math.abs(value)));
        expect(receiver.receive()).toEqual(watermark(value));
        expect(receiver.receive()).toEqual(barrier(Math.abs(value)));
      }
      expect(receiver.receive()).toBeUndefined();
    });
  });
}

const END: Element = { kind: 'end' };
const watermark = (timeMs: number): Element => ({ kind: 'watermark', timeMs });
const idle = (timeMs: number): Element => ({ kind: 'watermark', timeMs, idle: true });
const barrier = (checkpoint: number): Element => ({ kind: 'barrier', checkpoint });

/** A batch whose bytes tell its size and seed. */
export function batchOf(length: number, seed = length): Element {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + seed * 17) & 255;
  return { kind: 'batch', batch: { bytes, count: Math.ceil(length / 64) } };
}

function isSomething(element: Element): boolean {
  return element.kind !== 'batch' || element.batch.bytes.length > 0;
}

/** An element as something that can be compared after its buffer was used again. */
export function textOf(element: Element): string {
  if (element.kind !== 'batch') return JSON.stringify(element);
  const { bytes, count } = element.batch;
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 1) sum = (sum * 31 + bytes[i]) | 0;
  return `${count} rows in ${bytes.length} bytes, sum ${sum}`;
}

/** Sends and receives in the given turns until all has arrived. */
function exchange(
  { sender, receiver }: ChannelEnds,
  elements: readonly Element[],
  turns: readonly boolean[],
): string[] {
  const received: string[] = [];
  let sent = 0;
  for (let turn = 0; received.at(-1) !== textOf(END); turn += 1) {
    const sending = turns[turn % turns.length] || turns.every((each) => !each);
    // Nobody sends a batch of nothing.
    if (
      sending &&
      sent < elements.length &&
      (!isSomething(elements[sent]) || sender.send(elements[sent]))
    ) {
      sent += 1;
    }
    const element = turns[turn % turns.length] ? undefined : receiver.receive();
    const last = turns.every((sending) => sending) ? receiver.receive() : element;
    if (last !== undefined) received.push(textOf(last));
  }
  return received;
}
