/** The events as plain objects. Ids, prices in cents and times in milliseconds are numbers: all are far below 2^53. */
export interface Person {
  readonly id: number;
  readonly name: string;
  readonly emailAddress: string;
  readonly creditCard: string;
  readonly city: string;
  readonly state: string;
  readonly dateTime: number;
  readonly extra: string;
}

export interface Auction {
  readonly id: number;
  readonly itemName: string;
  readonly description: string;
  readonly initialBid: number;
  readonly reserve: number;
  readonly dateTime: number;
  readonly expires: number;
  readonly seller: number;
  readonly category: number;
  readonly extra: string;
}

export interface Bid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly channel: string;
  readonly url: string;
  readonly dateTime: number;
  readonly extra: string;
}

/**
 * All events of a run, each kind in the order of arrival: by time, and by event id where times are equal. Where a query leaves open
 * which of two equal records it takes, this order decides.
 */
export interface Events {
  readonly persons: readonly Person[];
  readonly auctions: readonly Auction[];
  readonly bids: readonly Bid[];
}

/** A result: its columns in the order of the query. */
export type Row = { readonly [column: string]: string | number };

/** A query: from all events to all of its results, those that later ones take back left out. */
export type Query = (events: Events) => readonly Row[];

/** Results as lines of JSON in a fixed order, for comparing them byte for byte. */
export function sortedLines(rows: readonly Row[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

export const SECOND_MS = 1000;

/** Cents times a factor of thousandths, as a decimal number with three digits behind the point. */
export function decimal(cents: number, thousandths: number): string {
  const scaled = cents * thousandths;
  return `${Math.floor(scaled / 1000)}.${String(scaled % 1000).padStart(3, '0')}`;
}

/** `2015-07-15` in UTC. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** `09:41` in UTC. */
export function minuteOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11, 16);
}
