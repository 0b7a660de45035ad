import { Emitter, flatMap, map, record, Timestamp, Utf8 } from '@millrace/guest-sdk';
import { DAY_MS, dayText, minuteText, padded } from './calendar';
import { Bid, Event } from './events';

/** q0 of Beam: every event as it is. */
export const passEvent = map((event: Event): Event => event);

@record
class PlainBid {
  auction: i64;
  bidder: i64;
  price: i64;
  dateTime: Timestamp;
  extra: Utf8;
}

/** q0 of Flink: every bid, without its channel. */
export const passBid = map((bid: Bid): PlainBid => {
  const plain = new PlainBid();
  plain.auction = bid.auction;
  plain.bidder = bid.bidder;
  plain.price = bid.price;
  plain.dateTime = bid.dateTime;
  plain.extra = bid.extra;
  return plain;
});

/** q1 of Beam: dollars to euros, in whole cents. */
export const toEuroCents = map((bid: Bid): PlainBid => {
  const euros = new PlainBid();
  euros.auction = bid.auction;
  euros.bidder = bid.bidder;
  euros.price = (bid.price * 89) / 100;
  euros.dateTime = bid.dateTime;
  euros.extra = bid.extra;
  return euros;
});

@record
class EuroBid {
  auction: i64;
  bidder: i64;
  price: string;
  dateTime: Timestamp;
  extra: Utf8;
}

const EURO_THOUSANDTHS: i64 = 908;

/** q1 of Flink: dollars to euros, as a decimal number with three digits behind the point. */
export const toEuros = map((bid: Bid): EuroBid => {
  const euros = new EuroBid();
  euros.auction = bid.auction;
  euros.bidder = bid.bidder;
  euros.price = decimal(bid.price * EURO_THOUSANDTHS);
  euros.dateTime = bid.dateTime;
  euros.extra = bid.extra;
  return euros;
});

/** A count of thousandths as a decimal number. */
function decimal(thousandths: i64): string {
  return (thousandths / 1000).toString() + '.' + padded(thousandths % 1000, 3);
}

@record
class AuctionPrice {
  auction: i64;
  price: i64;
}

/** q2: the prices of every 123rd auction. */
export const selection = flatMap((bid: Bid, out: Emitter<AuctionPrice>): void => {
  if (bid.auction % 123 != 0) return;
  const found = new AuctionPrice();
  found.auction = bid.auction;
  found.price = bid.price;
  out.emit(found);
});

@record
class DatedBid {
  auction: i64;
  bidder: i64;
  price: i64;
  dateTime: Timestamp;
  extra: Utf8;
  dt: string;
  hm: string;
}

/** q10: every bid with its day and minute, for files. */
export const toDated = map((bid: Bid): DatedBid => {
  const dated = new DatedBid();
  dated.auction = bid.auction;
  dated.bidder = bid.bidder;
  dated.price = bid.price;
  dated.dateTime = bid.dateTime;
  dated.extra = bid.extra;
  dated.dt = dayText(bid.dateTime / DAY_MS);
  dated.hm = minuteText(bid.dateTime);
  return dated;
});

@record
class CalculatedBid {
  auction: i64;
  bidder: i64;
  price: string;
  bidTimeType: string;
  dateTime: Timestamp;
  extra: Utf8;
  c_counts: i64;
}

const LETTER_C: u8 = 0x63;

/** q14: bids in a range of prices, with the time of day and how often `extra` has a "c". */
export const calculation = flatMap((bid: Bid, out: Emitter<CalculatedBid>): void => {
  const thousandths = bid.price * EURO_THOUSANDTHS;
  if (thousandths <= 1_000_000_000 || thousandths >= 50_000_000_000) return;
  const found = new CalculatedBid();
  found.auction = bid.auction;
  found.bidder = bid.bidder;
  found.price = decimal(thousandths);
  found.bidTimeType = timeOfDay((bid.dateTime / 3_600_000) % 24);
  found.dateTime = bid.dateTime;
  found.extra = bid.extra;
  found.c_counts = occurrences(bid.extra, LETTER_C);
  out.emit(found);
});

function timeOfDay(hour: i64): string {
  if (hour >= 8 && hour <= 18) return 'dayTime';
  return hour <= 6 || hour >= 20 ? 'nightTime' : 'otherTime';
}

function occurrences(text: Utf8, byte: u8): i64 {
  let count: i64 = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.byteAt(i) == byte) count++;
  }
  return count;
}

@record
class ChannelBid {
  auction: i64;
  bidder: i64;
  price: i64;
  channel: Utf8;
  channel_id: Utf8;
}

/** q21: bids whose channel is known, or named in the address. */
export const channelId = flatMap((bid: Bid, out: Emitter<ChannelBid>): void => {
  const id = idOfChannel(bid);
  if (id == null) return;
  const found = new ChannelBid();
  found.auction = bid.auction;
  found.bidder = bid.bidder;
  found.price = bid.price;
  found.channel = bid.channel;
  found.channel_id = id;
  out.emit(found);
});

function idOfChannel(bid: Bid): Utf8 | null {
  const channel = bid.channel.toString().toLowerCase();
  if (channel == 'apple') return Utf8.of('0');
  if (channel == 'google') return Utf8.of('1');
  if (channel == 'facebook') return Utf8.of('2');
  if (channel == 'baidu') return Utf8.of('3');
  return parameter(bid.url, 'channel_id=');
}

/** What stands behind `name`, at the begin or behind an ampersand, up to the next ampersand. */
function parameter(url: Utf8, name: string): Utf8 | null {
  let at = url.indexOf(name);
  while (at > 0 && url.byteAt(at - 1) != 0x26) at = url.indexOf(name, at + 1);
  if (at < 0) return null;
  const begin = at + name.length;
  const end = url.indexOf('&', begin);
  return end < 0 ? url.slice(begin) : url.slice(begin, end);
}

@record
class DirectoryBid {
  auction: i64;
  bidder: i64;
  price: i64;
  channel: Utf8;
  dir1: Utf8;
  dir2: Utf8;
  dir3: Utf8;
}

/** q22: the directories of the address. */
export const directories = map((bid: Bid): DirectoryBid => {
  const found = new DirectoryBid();
  found.auction = bid.auction;
  found.bidder = bid.bidder;
  found.price = bid.price;
  found.channel = bid.channel;
  const pieces = bid.url.split('/');
  for (let i = 0; pieces.next(); i++) {
    if (i == 3) found.dir1 = pieces.value;
    if (i == 4) found.dir2 = pieces.value;
    if (i == 5) found.dir3 = pieces.value;
  }
  return found;
});
