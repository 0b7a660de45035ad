import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a receiver does with one request instead of taking it. */
export type ReceiverFault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** Takes it, or not, and then cuts the connection. */
  | { readonly kind: 'reset'; readonly effect: boolean }
  | { readonly kind: 'silent' };

export interface WebhookReceiver {
  readonly url: string;
  /** Bodies taken, a key once; each with its key. */
  readonly taken: ReadonlyMap<string, string>;
  /** Every request, refused ones too. */
  readonly requests: readonly { readonly key: string; readonly headers: IncomingHttpHeaders }[];
  /** The field `text` of all records taken, in order. */
  texts(): string[];
  /** These faults hit the next requests, one each. */
  inject(...faults: readonly ReceiverFault[]): void;
  /** Refuses everything with this status until it is told 200. */
  status: number;
  stop(): Promise<void>;
}

/** A receiver on loopback that honours `Idempotency-Key`. A key that comes with another body fails loudly. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const taken = new Map<string, string>();
  const requests: WebhookReceiver['requests'][number][] = [];
  const faults: ReceiverFault[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const key = String(request.headers['idempotency-key']);
    requests.push({ key, headers: request.headers });
    const fault = faults.shift();
    if (fault?.kind === 'silent') return;
    if (fault?.kind === 'status') {
      const more = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
      return void response.writeHead(fault.status, more).end('no, thanks\n');
    }
    if (receiver.status !== 200) return void response.writeHead(receiver.status).end();
    if (fault?.kind !== 'reset' || fault.effect) {
      if ((taken.get(key) ?? body) !== body)
        return void response.writeHead(422).end('another body');
      taken.set(key, body);
    }
    if (fault?.kind === 'reset') return void request.socket.destroy();
    response.writeHead(200).end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${port}/hook?secret=1`,
    taken,
    requests,
    status: 200,
    texts: () =>
      [...taken.values()].flatMap((body) =>
        body
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line).text),
      ),
    inject: (...more) => void faults.push(...more),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
