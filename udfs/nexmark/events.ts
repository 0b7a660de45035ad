import { record, Timestamp, Utf8 } from '@millrace/guest-sdk';

// What the `nexmark` source yields. Prices are in cents.

@record
export class Person {
  id: i64;
  name: Utf8;
  emailAddress: Utf8;
  creditCard: Utf8;
  city: Utf8;
  state: Utf8;
  dateTime: Timestamp;
  extra: Utf8;
}

@record
export class Auction {
  id: i64;
  itemName: Utf8;
  description: Utf8;
  initialBid: i64;
  reserve: i64;
  dateTime: Timestamp;
  expires: Timestamp;
  seller: i64;
  category: i64;
  extra: Utf8;
}

@record
export class Bid {
  auction: i64;
  bidder: i64;
  price: i64;
  channel: Utf8;
  url: Utf8;
  dateTime: Timestamp;
  extra: Utf8;
}

@record
export class Event {
  kind: i32;
  dateTime: Timestamp;
  person: Person | null;
  auction: Auction | null;
  bid: Bid | null;
}
