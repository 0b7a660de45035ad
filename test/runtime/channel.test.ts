import { RING_BYTES, RING_BYTES_MIN } from '../../host/limits.ts';
import { LocalChannel } from '../../host/runtime/local-channel.ts';
import { createRing, HEAD_WORD, TAIL_WORD } from '../../host/runtime/ring-layout.ts';
import { RingReceiver } from '../../host/runtime/ring-receiver.ts';
import { RingSender } from '../../host/runtime/ring-sender.ts';
import { channelContract } from '../contracts/channel.ts';

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

channelContract('inside a thread', () => {
  const channel = new LocalChannel();
  return { sender: channel, receiver: channel };
});
channelContract('ring', () => ringEnds(RING_BYTES));
channelContract('smallest ring', () => ringEnds(RING_BYTES_MIN));
channelContract('ring whose positions overflow 32 bits', () =>
  // A few units before the positions turn negative, and before they pass zero again.
  ringEnds(RING_BYTES_MIN, 2 ** 31 - 3),
);
channelContract('ring whose positions start over at zero', () => ringEnds(RING_BYTES_MIN, -5));
