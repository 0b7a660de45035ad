import type { RecordSchema, ScalarKind } from '../../model/schema.ts';

/** Which events a source yields: one kind as records of its own, or all as `Event` records. */
export type NexmarkEvents = 'all' | 'person' | 'auction' | 'bid';

/** Values of `Event.kind`. */
export const PERSON_KIND = 0;
export const AUCTION_KIND = 1;
export const BID_KIND = 2;

/** Someone who sells and bids. */
export const PERSON_SCHEMA = recordOf('Person', {
  id: 'i64',
  name: 'string',
  emailAddress: 'string',
  creditCard: 'string',
  city: 'string',
  state: 'string',
  dateTime: 'timestamp',
  extra: 'string',
});

/** An item up for sale. Prices are in cents. */
export const AUCTION_SCHEMA = recordOf('Auction', {
  id: 'i64',
  itemName: 'string',
  description: 'string',
  initialBid: 'i64',
  reserve: 'i64',
  dateTime: 'timestamp',
  expires: 'timestamp',
  seller: 'i64',
  category: 'i64',
  extra: 'string',
});

/** A bid for an auction. */
export const BID_SCHEMA = recordOf('Bid', {
  auction: 'i64',
  bidder: 'i64',
  price: 'i64',
  channel: 'string',
  url: 'string',
  dateTime: 'timestamp',
  extra: 'string',
});

/** One event of any kind: `kind` says which of the three records is there. */
export const EVENT_SCHEMA: RecordSchema = {
  name: 'Event',
  fields: [
    { name: 'kind', type: { kind: 'i32' } },
    { name: 'dateTime', type: { kind: 'timestamp' } },
    ...[PERSON_SCHEMA, AUCTION_SCHEMA, BID_SCHEMA].map((record) => ({
      name: record.name.toLowerCase(),
      type: { kind: 'optional', of: { kind: 'record', record } } as const,
    })),
  ],
};

const SCHEMAS: { readonly [events in NexmarkEvents]: RecordSchema } = {
  all: EVENT_SCHEMA,
  person: PERSON_SCHEMA,
  auction: AUCTION_SCHEMA,
  bid: BID_SCHEMA,
};

/** The record type of a `nexmark` source. */
export function nexmarkSchema(events: NexmarkEvents): RecordSchema {
  return SCHEMAS[events];
}

function recordOf(name: string, fields: { readonly [name: string]: ScalarKind }): RecordSchema {
  return {
    name,
    fields: Object.entries(fields).map(([field, kind]) => ({ name: field, type: { kind } })),
  };
}
