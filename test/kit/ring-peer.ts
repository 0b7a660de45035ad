import { parentPort, workerData } from 'node:worker_threads';
import type { Element } from '../../host/model/element.ts';
import { RingReceiver } from '../../host/runtime/ring-receiver.ts';
import { RingSender } from '../../host/runtime/ring-sender.ts';
import { createSharedIdle, createWaker } from '../../host/runtime/wake-words.ts';

/** What a peer is started with: one of two threads that send numbered batches round in a circle. */
export interface RingPeerStart {
  readonly peer: 0 | 1;
  readonly wakeWords: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
  readonly incoming: SharedArrayBuffer;
  /** Batches that peer 0 sends; peer 1 sends each back. */
  readonly batches: number;
  /** Batches on their way at a time: 1 makes both sleep after each. */
  readonly inFlightMax: number;
  readonly seed: number;
  /** So long that only a lost wake-up makes a sleep last for it. */
  readonly sleepMs: number;
}

export interface RingPeerResult {
  readonly received: number;
  readonly wrong: string;
  readonly sleeps: number;
  /** Sleeps that ended by their timeout. */
  readonly overslept: number;
}

const start = workerData as RingPeerStart;
// A wait for another thread does not keep this one alive.
const alive = setInterval(() => {}, 1_000);
parentPort?.postMessage(await run(start));
clearInterval(alive);

async function run(peer: RingPeerStart): Promise<RingPeerResult> {
  const idle = createSharedIdle(peer.wakeWords, peer.peer);
  const wakeOther = createWaker(peer.wakeWords, 1 - peer.peer);
  const sender = new RingSender(peer.outgoing, wakeOther);
  const receiver = new RingReceiver(peer.incoming, wakeOther);
  const random = randomOf(peer.seed + peer.peer);
  const result = { received: 0, wrong: '', sleeps: 0, overslept: 0 };
  let sent = 0;
  let offered: Element | undefined;

  function step(): boolean {
    let busy = false;
    const mayStart =
      peer.peer === 0 && sent < peer.batches && sent - result.received < peer.inFlightMax;
    if (offered === undefined && mayStart) {
      offered = numbered(sent, 8 * (2 + Math.floor(random() * random() * 2000)));
    }
    if (offered !== undefined && sender.send(offered)) {
      offered = undefined;
      sent += 1;
      busy = true;
    }
    // Peer 1 sends back what it got; it takes the next when that is on its way.
    if (peer.peer === 1 && offered !== undefined) return busy;
    const element = receiver.receive();
    if (element === undefined) return busy;
    if (element.kind !== 'batch' || !isNumbered(element.batch.bytes, result.received)) {
      result.wrong ||= `batch ${result.received} did not arrive as it was sent`;
    }
    result.received += 1;
    if (peer.peer === 1 && element.kind === 'batch') {
      offered = numbered(result.received - 1, element.batch.bytes.length);
    }
    return true;
  }

  while (result.received < peer.batches || sent < peer.batches) {
    if (step()) continue;
    idle.prepare();
    if (step()) {
      idle.cancel();
      continue;
    }
    result.sleeps += 1;
    const beganMs = performance.now();
    await idle.sleep(peer.sleepMs);
    if (performance.now() - beganMs >= peer.sleepMs) result.overslept += 1;
  }
  return result;
}

function numbered(number: number, bytes: number): Element {
  const words = new Uint32Array(bytes / 4).fill(number);
  return { kind: 'batch', batch: { bytes: new Uint8Array(words.buffer), count: 1 } };
}

function isNumbered(bytes: Uint8Array, number: number): boolean {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return words.every((word) => word === number);
}

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
