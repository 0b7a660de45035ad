import type { RowObject, RowValue } from '../../host/abi/row-object.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { nexmarkSource, recordsOf } from './events.ts';
import type { Auction, Bid, Events, Person } from './oracle/model.ts';

/** All events of a `nexmark` source with these options, for the oracle. */
export async function loadEvents(options: ConnectorOptions): Promise<Events> {
  const persons: Person[] = [];
  const auctions: Auction[] = [];
  const bids: Bid[] = [];
  for await (const event of recordsOf(nexmarkSource(options))) {
    if (event.person !== null) persons.push(plain<Person>(event.person));
    else if (event.auction !== null) auctions.push(plain<Auction>(event.auction));
    else bids.push(plain<Bid>(event.bid));
  }
  // Sorting is stable, and the splits come in the order of their event ids.
  const byTime = (a: { readonly dateTime: number }, b: { readonly dateTime: number }) =>
    a.dateTime - b.dateTime;
  return {
    persons: persons.sort(byTime),
    auctions: auctions.sort(byTime),
    bids: bids.sort(byTime),
  };
}

function plain<Record>(value: RowValue): Record {
  const entries = Object.entries(value as RowObject).map(([name, field]) => [
    name,
    typeof field === 'bigint' ? Number(field) : field,
  ]);
  return Object.fromEntries(entries) as Record;
}
