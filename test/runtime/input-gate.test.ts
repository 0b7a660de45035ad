import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Element } from '../../host/model/element.ts';
import { WATERMARK_MAX_MS } from '../../host/model/element.ts';
import type { ChannelReceiver } from '../../host/runtime/channel.ts';
import { InputGate } from '../../host/runtime/input-gate.ts';
import { textOf } from '../contracts/channel.ts';

const END: Element = { kind: 'end' };
const barrier = (checkpoint: number): Element => ({ kind: 'barrier', checkpoint });
const watermark = (timeMs: number): Element => ({ kind: 'watermark', timeMs });
/** A batch that tells where it came from, what number it has and after which barrier it was sent. */
const batch = (channel: number, number: number, after = 0): Element => ({
  kind: 'batch',
  batch: { bytes: Uint8Array.of(channel, number, after, 0, 0, 0, 0, 0), count: 1 },
});

/** A channel that delivers a list. */
function listOf(
  ...elements: readonly Element[]
): ChannelReceiver & { add(element: Element): void } {
  const left = [...elements];
  return {
    receive: () => left.shift(),
    add: (element) => void left.push(element),
    overtaken: 0,
    inFlight: () => undefined,
  };
}

function gateOf(receivers: readonly ChannelReceiver[]): InputGate {
  return new InputGate(receivers.map((receiver) => ({ receiver })));
}

function drain(gate: InputGate): Element[] {
  const all: Element[] = [];
  for (let element = gate.next(); element !== undefined; element = gate.next()) all.push(element);
  return all;
}

describe('input gate', () => {
  test('takes channels in turn', () => {
    const gate = gateOf([
      listOf(batch(0, 1), batch(0, 2), batch(0, 3)),
      listOf(batch(1, 1)),
      listOf(batch(2, 1), batch(2, 2)),
    ]);
    const order = drain(gate).map((one) => (one.kind === 'batch' ? one.batch.bytes[0] : one.kind));
    expect(order).toEqual([0, 1, 2, 0, 2, 0]);
  });

  test('says which input a batch came over', () => {
    const gate = new InputGate([
      { receiver: listOf(batch(0, 1), batch(0, 2)) },
      { receiver: listOf(batch(1, 1)), input: 1 },
    ]);
    const inputs: number[] = [];
    while (gate.next() !== undefined) inputs.push(gate.input);
    expect(inputs).toEqual([0, 1, 0]);
  });

  test('does not read a channel behind its barrier before all have delivered it', () => {
    const late = listOf();
    const gate = gateOf([listOf(barrier(1), batch(0, 1, 1)), late]);
    expect(drain(gate)).toEqual([]);
    late.add(batch(1, 1, 0));
    late.add(barrier(1));
    expect(drain(gate).map(textOf)).toEqual(
      [batch(1, 1, 0), barrier(1), batch(0, 1, 1)].map(textOf),
    );
  });

  test('does not wait for the barrier of a channel that has ended', () => {
    const other = listOf();
    const gate = gateOf([listOf(barrier(1), batch(0, 1, 1)), other]);
    expect(drain(gate)).toEqual([]);
    other.add(END);
    expect(drain(gate).map(textOf)).toEqual([barrier(1), batch(0, 1, 1)].map(textOf));
  });

  test('the watermark is the lowest of the live channels', () => {
    const [a, b] = [listOf(watermark(10)), listOf()];
    const gate = gateOf([a, b]);
    expect(drain(gate)).toEqual([]);
    b.add(watermark(5));
    expect(drain(gate)).toEqual([watermark(5)]);
    b.add(watermark(20));
    expect(drain(gate)).toEqual([watermark(10)]);
    a.add(END);
    expect(drain(gate)).toEqual([watermark(20)]);
    b.add(END);
    expect(drain(gate)).toEqual([watermark(WATERMARK_MAX_MS), END]);
    expect(drain(gate)).toEqual([]);
  });

  test('yields every batch once, in order by channel, and on the right side of each barrier', () => {
    // Per channel: how many batches it sends before each barrier and after the last; it may end early.
    const plan = fc.record({ batches: fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }) });
    fc.assert(
      fc.property(
        fc.array(plan, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.nat(3)),
        (plans, picks) => {
          const sent = plans.map(({ batches }, channel) => {
            let number = 0;
            return batches.flatMap((count, i) => [
              ...Array.from({ length: count }, () => batch(channel, number++, i)),
              i + 1 < batches.length ? barrier(i + 1) : END,
            ]);
          });
          const received = runGate(sent, picks);
          let checkpoint = 0;
          const numbers = plans.map(() => 0);
          for (const element of received) {
            if (element.kind === 'barrier') expect(element.checkpoint).toBe(++checkpoint);
            if (element.kind !== 'batch') continue;
            const [channel, number, after] = element.batch.bytes;
            expect(number).toBe(numbers[channel]++);
            // A channel that has ended sends nothing after: `after` is never behind the gate.
            expect(after).toBe(checkpoint);
          }
          const batches = sent.flat().filter((element) => element.kind === 'batch');
          expect(received.filter((element) => element.kind === 'batch')).toHaveLength(
            batches.length,
          );
          expect(received.at(-1)).toEqual(END);
          expect(checkpoint).toBe(Math.max(...plans.map((one) => one.batches.length)) - 1);
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Lets elements arrive one by one on the channels that are picked, and reads the gate after each. */
function runGate(sent: readonly Element[][], picks: Iterable<number>): Element[] {
  const channels = sent.map(() => listOf());
  const left = sent.map((elements) => [...elements]);
  const gate = gateOf(channels);
  const received: Element[] = [];
  for (const pick of picks) {
    const open = left.flatMap((elements, i) => (elements.length > 0 ? [i] : []));
    if (open.length === 0) break;
    const channel = open[pick % open.length];
    channels[channel].add(left[channel].shift() as Element);
    received.push(...drain(gate));
  }
  return received;
}

describe('idle channels', () => {
  const idle = (timeMs: number): Element => ({ kind: 'watermark', timeMs, idle: true });

  test('hold nothing back, and all of them idle are an idle gate', () => {
    const [a, b] = [listOf(watermark(10)), listOf()];
    const gate = gateOf([a, b]);
    expect(drain(gate)).toEqual([]);
    b.add(idle(3));
    expect(drain(gate)).toEqual([watermark(10)]);
    a.add(idle(12));
    expect(drain(gate)).toEqual([watermark(12), idle(12)]);
    a.add(watermark(12));
    expect(drain(gate)).toEqual([watermark(12)]);
  });

  test('hold back again from their next watermark on, and the watermark does not fall', () => {
    const [a, b] = [listOf(watermark(10)), listOf(idle(3))];
    const gate = gateOf([a, b]);
    expect(drain(gate)).toEqual([watermark(10)]);
    b.add(watermark(3));
    expect(drain(gate)).toEqual([]);
    a.add(watermark(20));
    expect(drain(gate)).toEqual([]);
    expect(gate.watermarkMs).toBe(10);
    b.add(watermark(15));
    expect(drain(gate)).toEqual([watermark(15)]);
  });

  test('one that ends leaves the others as they are', () => {
    const [a, b] = [listOf(watermark(10), idle(10)), listOf(watermark(5))];
    const gate = gateOf([a, b]);
    expect(drain(gate)).toEqual([watermark(5)]);
    b.add(END);
    expect(drain(gate)).toEqual([watermark(10), idle(10)]);
    a.add(END);
    expect(drain(gate)).toEqual([watermark(WATERMARK_MAX_MS), END]);
  });
});
