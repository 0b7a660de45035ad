import { createServer, type ServerResponse } from 'node:http';
import type { RowObject } from '../../host/abi/row-object.ts';
import { freePort } from './free-port.ts';

/** Items behind HTTP: `/items/{id}/{shop}`. */
export interface ItemServer {
  /** With `{id}` and `{shop}` in it. */
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  items: readonly RowObject[];
  /** Answers in its own way: true = it has. */
  answer: (path: string, response: ServerResponse) => boolean;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startItemServer(): Promise<ItemServer> {
  const port = await freePort();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (made.answer(path, response)) return;
    const [, , id, shop] = path.split('/').map(decodeURIComponent);
    const found = made.items.filter((item) => String(item.id) === id && item.shop === shop);
    response.statusCode = found.length === 0 ? 404 : 200;
    const texts = found.map(
      (item) =>
        // Numbers of 64 bits keep their digits.
        `{\n "id": ${item.id},\r\n "shop": ${JSON.stringify(item.shop)}, "price": ${item.price ?? 'null'}, "more": [1, {"a": "]"}] }`,
    );
    response.end(texts.length === 1 ? texts[0] : `[ ${texts.join(',\n')} ]`);
  });
  const start = () =>
    new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
  const made: ItemServer = {
    url: `http://127.0.0.1:${port}/items/{id}/{shop}`,
    asked,
    items: [],
    answer: () => false,
    start,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await start();
  return made;
}
