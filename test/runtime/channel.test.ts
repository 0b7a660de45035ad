import { RING_BYTES, RING_BYTES_MIN } from '../../host/limits.ts';
import { LocalChannel } from '../../host/runtime/local-channel.ts';
import { createRing, HEAD_WORD, TAIL_WORD } from '../../host/runtime/ring-layout.ts';
import { RingReceiver } from '../../host/runtime/ring-receiver.ts';
import { RingSender } from '../../host/runtime/ring-sender.ts';
import { type ChannelEnds, channelContract } from '../contracts/channel.ts';
import { overtakingChannelContract } from '../contracts/overtaking-channel.ts';

function ringEnds(capacity: number, startUnit = 0) {
  const ring = createRing(capacity);
  const words = new Int32Array(ring);
  words[TAIL_WORD] = startUnit;
  words[HEAD_WORD] = startUnit;
  return {
    sender: new RingSender(ring, () => {}),
    receiver: new RingReceiver(ring, () => {}),
  };
}

const LIVES: readonly [string, () => ChannelEnds][] = [
  [
    'inside a thread',
    () => {
      const channel = new LocalChannel();
      return { sender: channel, receiver: channel };
    },
  ],
  ['ring', () => ringEnds(RING_BYTES)],
  ['smallest ring', () => ringEnds(RING_BYTES_MIN)],
  // A few units before the positions turn negative, and before they pass zero again.
  ['ring whose positions overflow 32 bits', () => ringEnds(RING_BYTES_MIN, 2 ** 31 - 3)],
  ['ring whose positions start over at zero', () => ringEnds(RING_BYTES_MIN, -5)],
];

for (const [name, create] of LIVES) {
  channelContract(name, create);
  overtakingChannelContract(name, create);
}
