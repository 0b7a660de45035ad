/** One server-sent event. */
export interface ServerEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string;
}

/** The events of a stream, until it ends or the reader has had enough. */
export async function* serverEvents(
  url: string,
  headers: Record<string, string> = {},
): AsyncGenerator<ServerEvent> {
  const stop = new AbortController();
  try {
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream', ...headers },
      signal: stop.signal,
    });
    if (!response.ok || response.body === null) {
      throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
    }
    const decoder = new TextDecoder();
    let pending = '';
    for await (const chunk of response.body) {
      pending += decoder.decode(chunk, { stream: true });
      const blocks = pending.split('\n\n');
      pending = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) =>
          block
            .split('\n')
            .filter((line) => line.startsWith(`${name}:`))
            .map((line) => line.slice(name.length + 1).trimStart())
            .join('\n') || undefined;
        const data = field('data');
        if (data !== undefined) yield { id: field('id'), event: field('event'), data };
      }
    }
  } finally {
    stop.abort();
  }
}

/** The first `count` events. */
export async function takeEvents(
  events: AsyncGenerator<ServerEvent>,
  count: number,
): Promise<readonly ServerEvent[]> {
  const taken: ServerEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}
