import { aggregate, Emitter, filter, flatMap, join, map, record, reduce, Timestamp, Utf8 } from '@millrace/guest-sdk';
import { Auction, Bid, Person } from './events';

// Queries over more than one stream: q3, q4, q6, q8, q9, q13, q20.

const CATEGORY: i64 = 10;

export const isLocal = filter((person: Person): bool => {
  const state = person.state;
  return state.is('OR') || state.is('ID') || state.is('CA');
});

export const isWanted = filter((auction: Auction): bool => auction.category == CATEGORY);

@record
class LocalItem {
  name: Utf8;
  city: Utf8;
  state: Utf8;
  id: i64;
}

/** q3: what people of three states sell in one category. */
export const localItem = join((auction: Auction, seller: Person): LocalItem => {
  const item = new LocalItem();
  item.name = seller.name;
  item.city = seller.city;
  item.state = seller.state;
  item.id = auction.id;
  return item;
});

@record
class NewSeller {
  id: i64;
  name: Utf8;
  stime: Timestamp;
}

const WINDOW_MS: i64 = 10_000;

/** q8 of Flink: a person who had an auction in the window of his arrival. */
export const newSeller = map((person: Person): NewSeller => {
  const seller = new NewSeller();
  seller.id = person.id;
  seller.name = person.name;
  seller.stime = (person.dateTime / WINDOW_MS) * WINDOW_MS;
  return seller;
});

@record
class NewSellerItem {
  id: i64;
  name: Utf8;
  reserve: i64;
}

/** q8 of Beam: an auction in the window in which its seller arrived. */
export const newSellerItem = join((person: Person, auction: Auction): NewSellerItem => {
  const item = new NewSellerItem();
  item.id = person.id;
  item.name = person.name;
  item.reserve = auction.reserve;
  return item;
});

@record
class Sale {
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
  auction: i64;
  bidder: i64;
  price: i64;
  bid_dateTime: Timestamp;
  bid_extra: Utf8;
}

function sale(auction: Auction, bid: Bid): Sale {
  const made = new Sale();
  made.id = auction.id;
  made.itemName = auction.itemName;
  made.description = auction.description;
  made.initialBid = auction.initialBid;
  made.reserve = auction.reserve;
  made.dateTime = auction.dateTime;
  made.expires = auction.expires;
  made.seller = auction.seller;
  made.category = auction.category;
  made.extra = auction.extra;
  made.auction = bid.auction;
  made.bidder = bid.bidder;
  made.price = bid.price;
  made.bid_dateTime = bid.dateTime;
  made.bid_extra = bid.extra;
  return made;
}

/** q4, q6, q9 of Flink: a bid between the begin and the expiry of its auction. */
export const timelySale = join((auction: Auction, bid: Bid, out: Emitter<Sale>): void => {
  if (bid.dateTime < auction.dateTime || bid.dateTime > auction.expires) return;
  out.emit(sale(auction, bid));
});

/** q4, q6, q9 of Beam: a bid before the expiry of its auction, at or above the reserve. */
export const validSale = join((auction: Auction, bid: Bid, out: Emitter<Sale>): void => {
  if (bid.dateTime >= auction.expires || bid.price < auction.reserve) return;
  out.emit(sale(auction, bid));
});

/** The highest bid, among equals the earliest. */
export const best = reduce((a: Sale, b: Sale): Sale => {
  if (b.price != a.price) return b.price > a.price ? b : a;
  return b.bid_dateTime < a.bid_dateTime ? b : a;
});

@record
class PriceSum {
  id: i64;
  sum: i64;
  count: i64;
}

@record
class CategoryPrice {
  id: i64;
  final: i64;
}

/** q4 of Flink: the mean price of a category, cut to whole cents. */
@aggregate
export class CategoryMean {
  create(): PriceSum {
    return new PriceSum();
  }

  add(sum: PriceSum, sold: Sale): PriceSum {
    sum.id = sold.category;
    sum.sum += sold.price;
    sum.count++;
    return sum;
  }

  result(sum: PriceSum): CategoryPrice {
    const mean = new CategoryPrice();
    mean.id = sum.id;
    mean.final = sum.sum / sum.count;
    return mean;
  }

  merge(a: PriceSum, b: PriceSum): PriceSum {
    a.sum += b.sum;
    a.count += b.count;
    return a;
  }
}

@record
class WindowPrice {
  category: i64;
  price: i64;
  starttime: Timestamp;
}

const SLIDE_MS: i64 = 5_000;

/** q4 of Beam: a sale in each of the sliding windows that hold the last millisecond of its auction. */
export const windowPrices = flatMap((sold: Sale, out: Emitter<WindowPrice>): void => {
  const last = sold.expires - 1;
  const price = new WindowPrice();
  price.category = sold.category;
  price.price = sold.price;
  for (let start = last - (last % SLIDE_MS); start > last - WINDOW_MS; start -= SLIDE_MS) {
    price.starttime = start;
    out.emit(price);
  }
});

@record
class WindowSum {
  category: i64;
  starttime: Timestamp;
  sum: i64;
  count: i64;
}

/** q4 of Beam: the mean price of a category in a window, rounded half up. */
@aggregate
export class WindowMean {
  create(): WindowSum {
    return new WindowSum();
  }

  add(sum: WindowSum, price: WindowPrice): WindowSum {
    sum.category = price.category;
    sum.starttime = price.starttime;
    sum.sum += price.price;
    sum.count++;
    return sum;
  }

  result(sum: WindowSum): WindowPrice {
    const mean = new WindowPrice();
    mean.category = sum.category;
    mean.price = (2 * sum.sum + sum.count) / (2 * sum.count);
    mean.starttime = sum.starttime;
    return mean;
  }

  merge(a: WindowSum, b: WindowSum): WindowSum {
    a.sum += b.sum;
    a.count += b.count;
    return a;
  }
}

@record
class SoldItem {
  price: i64;
  sold: Timestamp;
  begun: Timestamp;
  expires: Timestamp;
  auction: i64;
}

@record
class SellerItems {
  seller: i64;
  items: SoldItem[];
}

/** q6: all that a seller has sold. */
@aggregate
export class SoldBy {
  create(): SellerItems {
    return new SellerItems();
  }

  add(all: SellerItems, sold: Sale): SellerItems {
    const item = new SoldItem();
    item.price = sold.price;
    item.sold = sold.bid_dateTime;
    item.begun = sold.dateTime;
    item.expires = sold.expires;
    item.auction = sold.id;
    all.seller = sold.seller;
    const items = all.items;
    items.push(item);
    all.items = items;
    return all;
  }

  result(all: SellerItems): SellerItems {
    return all;
  }

  merge(a: SellerItems, b: SellerItems): SellerItems {
    const items = a.items;
    for (let i = 0; i < b.items.length; i++) items.push(b.items[i]);
    a.items = items;
    return a;
  }
}

@record
class SellerPrice {
  seller: i64;
  avg_price: i64;
}

/** q6 of Flink: after each sale, in the order of the bids, the mean of it and the ten before, cut to whole cents. */
export const lastPrices = flatMap((all: SellerItems, out: Emitter<SellerPrice>): void => {
  const items = all.items;
  items.sort((a, b) => {
    if (a.sold != b.sold) return sign(a.sold - b.sold);
    return sign(a.begun != b.begun ? a.begun - b.begun : a.auction - b.auction);
  });
  const mean = new SellerPrice();
  mean.seller = all.seller;
  for (let i = 0; i < items.length; i++) {
    const from = max(0, i - 10);
    let sum: i64 = 0;
    for (let j = from; j <= i; j++) sum += items[j].price;
    mean.avg_price = sum / <i64>(i + 1 - from);
    out.emit(mean);
  }
});

@record
class SellerMean {
  seller: i64;
  price: i64;
}

/** q6 of Beam: after each auction, in the order of their ends, the mean of the ten latest bids that won, rounded half up. */
export const lastMeans = flatMap((all: SellerItems, out: Emitter<SellerMean>): void => {
  const items = all.items;
  items.sort((a, b) => sign(a.expires != b.expires ? a.expires - b.expires : a.auction - b.auction));
  const mean = new SellerMean();
  mean.seller = all.seller;
  const kept = new Array<SoldItem>();
  for (let i = 0; i < items.length; i++) {
    kept.push(items[i]);
    kept.sort((a, b) => sign(a.sold != b.sold ? a.sold - b.sold : a.price - b.price));
    if (kept.length > 10) kept.shift();
    let sum: i64 = 0;
    for (let j = 0; j < kept.length; j++) sum += kept[j].price;
    const count = <i64>kept.length;
    mean.price = (2 * sum + count) / (2 * count);
    out.emit(mean);
  }
});

function sign(difference: i64): i32 {
  return difference < 0 ? -1 : difference > 0 ? 1 : 0;
}

@record
class SideKey {
  key: i64;
}

@record
class SideRow {
  key: i64;
  value: string;
}

/** q13: a row of the table that bids are looked up in. */
export const sideRow = map((key: SideKey): SideRow => {
  const row = new SideRow();
  row.key = key.key;
  row.value = key.key.toString();
  return row;
});

@record
class KeyedBid {
  auction: i64;
  bidder: i64;
  price: i64;
  dateTime: Timestamp;
  key: i64;
}

const SIDE_ROWS: i64 = 10_000;

export const keyedBid = map((bid: Bid): KeyedBid => {
  const keyed = new KeyedBid();
  keyed.auction = bid.auction;
  keyed.bidder = bid.bidder;
  keyed.price = bid.price;
  keyed.dateTime = bid.dateTime;
  keyed.key = bid.auction % SIDE_ROWS;
  return keyed;
});

@record
class SideBid {
  auction: i64;
  bidder: i64;
  price: i64;
  dateTime: Timestamp;
  value: Utf8;
}

/** q13: a bid with the value that stands for it in the table. */
export const sideBid = join((bid: KeyedBid, row: SideValue): SideBid => {
  const found = new SideBid();
  found.auction = bid.auction;
  found.bidder = bid.bidder;
  found.price = bid.price;
  found.dateTime = bid.dateTime;
  found.value = row.value;
  return found;
});

/** As `SideRow`, to be read. */
@record
class SideValue {
  key: i64;
  value: Utf8;
}

@record
class CategoryBid {
  auction: i64;
  bidder: i64;
  price: i64;
  channel: Utf8;
  url: Utf8;
  bid_dateTime: Timestamp;
  bid_extra: Utf8;
  itemName: Utf8;
  description: Utf8;
  initialBid: i64;
  reserve: i64;
  auction_dateTime: Timestamp;
  expires: Timestamp;
  seller: i64;
  category: i64;
  auction_extra: Utf8;
}

/** q20: a bid with its auction. */
export const categoryBid = join((bid: Bid, auction: Auction): CategoryBid => {
  const made = new CategoryBid();
  made.auction = bid.auction;
  made.bidder = bid.bidder;
  made.price = bid.price;
  made.channel = bid.channel;
  made.url = bid.url;
  made.bid_dateTime = bid.dateTime;
  made.bid_extra = bid.extra;
  made.itemName = auction.itemName;
  made.description = auction.description;
  made.initialBid = auction.initialBid;
  made.reserve = auction.reserve;
  made.auction_dateTime = auction.dateTime;
  made.expires = auction.expires;
  made.seller = auction.seller;
  made.category = auction.category;
  made.auction_extra = auction.extra;
  return made;
});
