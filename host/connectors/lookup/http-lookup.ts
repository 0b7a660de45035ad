import { z } from 'zod';
import type { RowObject, RowValue } from '../../abi/row-object.ts';
import { MillraceError } from '../../errors.ts';
import { LOOKUP_ANSWER_BYTES_MAX } from '../../limits.ts';
import { type Batch, EMPTY_BATCH } from '../../model/batch.ts';
import { checkOptions, expected } from '../check-options.ts';
import type { Checked, ConnectorOptions } from '../connector.ts';
import type { Lookup, LookupContext, LookupTable } from '../lookup.ts';
import type { Outbound } from '../outbound.ts';
import { type OutboundRequest, outboundFetch } from '../outbound-fetch.ts';
import { decodeAnswer } from './decode-answer.ts';

const httpLookupOptions = z.strictObject({
  url: z
    .string(expected('a URL such as "https://host/items/{id}"'))
    .refine(isUrl, 'expected a URL such as "https://host/items/{id}"')
    .refine((url) => url.search(PLACES) >= 0, 'expected the key in the URL, as in "/items/{id}"'),
  headers: z.record(z.string(), z.string()).default({}),
});

/** Where a field of the key stands in the URL. */
const PLACES = /\{([^{}]+)\}/g;

type HttpLookupOptions = z.output<typeof httpLookupOptions>;

/** Asks; tests have their own. */
export type Fetch = (url: string, request: OutboundRequest, allowed: Outbound) => Promise<Response>;

/**
 * A table behind HTTP: `GET` of an address per key.
 *
 * - `url`: with `{field}` for each field of the key, which is escaped.
 * - `headers`: sent with each request.
 *
 * 200 is the row, a JSON object, or several, a list of them; 204 and 404 are none. 408, 429 and 5xx are asked again, other answers fail the
 * record. A redirect is not followed.
 *
 *     lookup: { connector: http, url: "http://items.example/items/{id}" }
 */
export function httpLookup(
  options: ConnectorOptions,
  fetch: Fetch = outboundFetch,
): Checked<Lookup> {
  const checked = checkOptions(httpLookupOptions, options);
  if (!checked.ok) return checked;
  return { ok: true, value: { open: (context) => openHttp(checked.value, context, fetch) } };
}

function openHttp(options: HttpLookupOptions, context: LookupContext, fetch: Fetch): LookupTable {
  checkPlaces(options.url, context);
  return {
    keysMax: 1,
    lookup: async (keys, signal) => [await ask(keys[0], signal)],
    close: async () => {},
  };

  async function ask(key: RowObject, signal: AbortSignal): Promise<Batch> {
    const url = options.url.replace(PLACES, (_, field: string) => encode(key[field]));
    const headers = { accept: 'application/json', ...options.headers };
    const response = await fetch(url, { method: 'GET', headers, signal }, context.outbound);
    const { status } = response;
    if (status === 204 || status === 404) {
      await response.body?.cancel();
      return EMPTY_BATCH;
    }
    if (status !== 200) {
      await response.body?.cancel();
      const message = `${new URL(url).host} answered ${status}`;
      if (status === 408 || status === 429 || status >= 500) throw new Error(message);
      throw new MillraceError('RECORD_MALFORMED', message, {
        hint: 'a lookup is answered with 200 and JSON, or with 404',
      });
    }
    return decodeAnswer(context.schema, await readBody(response, url), new URL(url).host);
  }
}

/** A key that the URL does not hold, or a place that is no key: every answer would be wrong. */
function checkPlaces(url: string, { id, key }: LookupContext): void {
  const places = [...url.matchAll(PLACES)].map((match) => match[1]);
  const names = key.fields.map(({ name }) => name);
  const odd =
    places.find((place) => !names.includes(place)) ?? names.find((name) => !places.includes(name));
  if (odd === undefined) return;
  throw new MillraceError(
    'CONNECTOR_OPTION',
    `the URL that "${id}" looks up has not its key: "${odd}"`,
    {
      hint: `write ${names.map((name) => `{${name}}`).join(' and ')} where the key stands`,
    },
  );
}

async function readBody(response: Response, url: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
    if (done || value === undefined) break;
    length += value.length;
    if (length > LOOKUP_ANSWER_BYTES_MAX) {
      await reader?.cancel();
      const message = `${new URL(url).host} answered with more than ${LOOKUP_ANSWER_BYTES_MAX} bytes`;
      throw new MillraceError('RECORD_MALFORMED', message);
    }
    parts.push(value);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function encode(value: RowValue | undefined): string {
  const text =
    value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : String(value);
  return encodeURIComponent(text);
}

function isUrl(text: string): boolean {
  const url = URL.parse(text.replace(PLACES, 'x'));
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:');
}
