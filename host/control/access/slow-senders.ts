import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../clock.ts';
import { SLOW_BODY_BYTES, SLOW_BODY_MS } from '../../server-limits.ts';

/** Ends connections whose bodies come too slowly to be anything but an attack, or a line that is of no use. */
export interface SlowSenders {
  /** Watches a request until its body is here. */
  watch(request: IncomingMessage): void;
  close(): void;
}

/** Looks at all of them together every `SLOW_BODY_MS`: each must have sent `SLOW_BODY_BYTES` since the look before. */
export function createSlowSenders(clock: Clock): SlowSenders {
  const receiving = new Map<IncomingMessage, number>();
  let cancelTimer = () => {};
  const look = () => {
    for (const [request, before] of receiving) {
      const { socket } = request;
      if (socket.bytesRead - before < SLOW_BODY_BYTES) socket.destroy();
      else receiving.set(request, socket.bytesRead);
    }
    lookLater();
  };
  const lookLater = () => {
    cancelTimer = clock.after(SLOW_BODY_MS, look);
  };
  lookLater();
  return {
    watch(request) {
      const { headers } = request;
      const length = headers['content-length'];
      if (length === undefined && headers['transfer-encoding'] === undefined) return;
      if (length === '0') return;
      // Who came just before a look is judged at the next but one.
      receiving.set(request, request.socket.bytesRead - SLOW_BODY_BYTES);
      const done = () => receiving.delete(request);
      request.once('end', done);
      request.once('close', done);
    },
    close: () => cancelTimer(),
  };
}
