import { describe, expect, test } from 'vitest';
import type { Element } from '../../host/model/element.ts';
import { InputGate } from '../../host/runtime/input-gate.ts';
import { LocalChannel } from '../../host/runtime/local-channel.ts';

const END: Element = { kind: 'end' };
const batch = (number: number): Element => ({
  kind: 'batch',
  batch: { bytes: Uint8Array.of(number, 0, 0, 0, 0, 0, 0, 0), count: 1 },
});
const aligned = (checkpoint: number): Element => ({ kind: 'barrier', checkpoint });

/** A gate over channels, and what it yields as texts. */
function createGate(channels: number, replay: readonly number[] = []) {
  const senders = Array.from({ length: channels }, () => new LocalChannel());
  const place = (from: number) => ({ edge: 0, from, to: 0 });
  const gate = new InputGate(
    senders.map((receiver, from) => ({ receiver, channel: place(from) })),
    replay.map((number) => {
      const element = batch(number) as Element & { kind: 'batch' };
      return { channel: place(0), input: 0, batch: element.batch };
    }),
  );
  const take = (count = Number.MAX_SAFE_INTEGER) => {
    const texts: string[] = [];
    while (texts.length < count) {
      const element = gate.next();
      if (element === undefined) break;
      if (element.kind === 'batch') texts.push(`${element.batch.bytes[0]}`);
      else texts.push(element.kind === 'barrier' ? `barrier ${element.checkpoint}` : element.kind);
    }
    return texts;
  };
  const numbers = (log: ReturnType<typeof gate.beginOvertaking>) =>
    log.batches?.map((one) => `${one.channel.from}:${one.batch.bytes[0]}`);
  return { gate, senders, take, numbers };
}

describe('an input gate that barriers overtake', () => {
  test('logs what its channels hold before their barriers, and nothing behind', () => {
    const { gate, senders, take, numbers } = createGate(2);
    for (const number of [1, 2]) senders[0].send(batch(number));
    senders[1].send(batch(3));
    for (const sender of senders) sender.overtake(5);
    for (const sender of senders) sender.send(batch(9));
    expect(gate.lookAhead()).toBe(5);
    const log = gate.beginOvertaking(5);
    expect(numbers(log)).toEqual(['0:1', '0:2', '1:3']);
    expect(take()).toEqual(['1', '3', '2', '9', '9']);
    expect(numbers(log)?.length).toBe(3);
  });

  test('goes on logging what a channel delivers until its barrier has come', () => {
    const { gate, senders, take, numbers } = createGate(2);
    senders[0].overtake(5);
    senders[1].send(batch(1));
    const log = gate.beginOvertaking(gate.lookAhead());
    expect(log.batches).toBeUndefined();
    expect(take()).toEqual(['1']);
    senders[1].send(batch(2));
    senders[1].send(batch(3));
    expect(take(1)).toEqual(['2']);
    senders[1].overtake(5);
    senders[1].send(batch(4));
    gate.lookAhead();
    expect(numbers(log)).toEqual(['1:1', '1:2', '1:3']);
    expect(take()).toEqual(['3', '4']);
  });

  test('yields the barrier where it stands when nobody looked ahead', () => {
    const { senders, take } = createGate(1);
    senders[0].send(batch(1));
    senders[0].overtake(5);
    senders[0].send(batch(2));
    expect(take()).toEqual(['1', 'barrier 5', '2']);
  });

  test('waits for no barrier of a channel that ends', () => {
    const { gate, senders, numbers } = createGate(2);
    senders[0].overtake(5);
    senders[1].send(batch(1));
    senders[1].send(END);
    expect(numbers(gate.beginOvertaking(5))).toEqual(['1:1']);
  });

  test('forgets an alignment that was under way: its barriers hold no channel up any more', () => {
    const { gate, senders, take, numbers } = createGate(2);
    senders[0].send(aligned(4));
    senders[0].send(batch(1));
    expect(take()).toEqual([]);
    for (const sender of senders) sender.overtake(5);
    expect(numbers(gate.beginOvertaking(5))).toEqual(['0:1']);
    senders[1].send(aligned(4));
    senders[1].send(batch(2));
    expect(take()).toEqual(['1', '2']);
    for (const sender of senders) sender.send(aligned(6));
    expect(take()).toEqual(['barrier 6']);
  });

  test('what is replayed comes first, and is in flight until it has come', () => {
    const { gate, senders, take, numbers } = createGate(1, [7, 8]);
    senders[0].send(batch(1));
    expect(take(1)).toEqual(['7']);
    senders[0].overtake(5);
    expect(numbers(gate.beginOvertaking(5))).toEqual(['0:8', '0:1']);
    expect(take()).toEqual(['8', '1']);
  });
});
