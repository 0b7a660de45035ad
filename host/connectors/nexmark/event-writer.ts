import type { BatchBuilder } from '../../abi/batch-builder.ts';
import { fixedBytes, nullsOffset, slotOffset } from '../../abi/layout.ts';
import { JavaRandom } from './java-random.ts';
import type { NexmarkOptions } from './nexmark-options.ts';
import { OVERRUN_BYTES, RowCursor } from './row-cursor.ts';
import {
  AUCTION_KIND,
  AUCTION_SCHEMA,
  BID_KIND,
  BID_SCHEMA,
  EVENT_SCHEMA,
  PERSON_KIND,
  PERSON_SCHEMA,
} from './schemas.ts';
import {
  CHANNEL_NAME_BYTES_MAX,
  CHANNEL_NAME_WORDS,
  CHANNEL_URL_BYTES_MAX,
  CHANNEL_WORDS,
  CITIES,
  COLD_CHANNELS,
  channelTable,
  FIRST_NAMES,
  HOT_CHANNELS,
  LAST_NAMES,
  STATES,
} from './text-tables.ts';
import { Timeline } from './timeline.ts';

/** Ids begin here, so that queries that ask for certain ids find some early. */
const FIRST_PERSON_ID = 1000;
const FIRST_AUCTION_ID = 1000;
const FIRST_CATEGORY_ID = 10;
const CATEGORIES = 5;
/** Sellers, bids and bidders may be ahead of the people and auctions there are by so many. */
const ID_LEAD = 10;
/** The hot person or auction is one of so many that follow each other. */
const HOT_RUN = 100;
/** Bytes that the numbers of an event count for, beside its texts. */
const PERSON_NUMBERS_BYTES = 8;
const AUCTION_NUMBERS_BYTES = 48;
const BID_NUMBERS_BYTES = 32;
const ITEM_NAME_BYTES_MAX = 20;
const DESCRIPTION_BYTES_MAX = 100;
const INT_MAX = 0x7fff_ffff;

const PERSON_FIXED_BYTES = fixedBytes(PERSON_SCHEMA);
const AUCTION_FIXED_BYTES = fixedBytes(AUCTION_SCHEMA);
const BID_FIXED_BYTES = fixedBytes(BID_SCHEMA);
const EVENT_FIXED_BYTES = fixedBytes(EVENT_SCHEMA);
const EVENT_NULLS_OFFSET = nullsOffset(EVENT_SCHEMA);
const EVENT_NULLS_ALL = 0b11100;
/** Bytes of any row without its filler: the longest is an auction in an event. */
const ROW_BYTES =
  EVENT_FIXED_BYTES +
  AUCTION_FIXED_BYTES +
  ITEM_NAME_BYTES_MAX +
  DESCRIPTION_BYTES_MAX +
  CHANNEL_NAME_BYTES_MAX +
  CHANNEL_URL_BYTES_MAX;

const KINDS = { all: undefined, person: PERSON_KIND, auction: AUCTION_KIND, bid: BID_KIND };

/**
 * Makes the events of one generator.
 *
 * E1  Everything about an event follows from its id and the options; event `n` of the generator has the id `firstEventId + n`,
 *     with `n` shuffled inside its group.
 * E2  The order of the draws is the order of Apache Beam's generator, so that all fields but `channel` and `url`, which it does
 *     not have, are equal to its. Those two come from a hash of the state and take no draw.
 */
export class EventWriter {
  readonly #options: NexmarkOptions;
  readonly #timeline: Timeline;
  readonly #firstEventId: number;
  readonly #baseTimeMs: number;
  readonly #random = new JavaRandom();
  readonly #cursor = new RowCursor();
  readonly #channels = channelTable();
  readonly #wanted: number | undefined;
  readonly #seedHigh: number;
  readonly #seedLow: number;
  readonly #denominator: number;
  /** Events until as many auctions have begun as are in flight. */
  readonly #horizonEvents: number;
  /** Bytes that one row takes at most. */
  readonly bytesMax: number;
  /** Of the event being written: the ids, counted from 0, of the latest person and the latest auction. */
  #lastPerson = 0;
  #lastAuction = 0;

  constructor(options: NexmarkOptions, firstEventId: number, baseTimeMs: number) {
    this.#options = options;
    this.#timeline = new Timeline(options);
    this.#firstEventId = firstEventId;
    this.#baseTimeMs = baseTimeMs;
    this.#wanted = KINDS[options.events];
    const { person, auction, bid } = options.proportions;
    this.#denominator = person + auction + bid;
    this.#horizonEvents = Math.floor((options.inFlightAuctions * this.#denominator) / auction);
    const scrambled = new JavaRandom();
    if (options.seed > 0) {
      scrambled.seed(options.seed);
      for (let i = 0; i < 4; i++) scrambled.nextInt();
    }
    this.#seedHigh = scrambled.high;
    this.#seedLow = scrambled.low;
    const { averageBytes } = options;
    const average = Math.max(averageBytes.person, averageBytes.auction, averageBytes.bid);
    this.bytesMax = ROW_BYTES + Math.ceil(1.2 * average) + OVERRUN_BYTES;
  }

  /** Milliseconds from the base time to event `number`, before shuffling: when it is due. */
  dueMs(number: number): number {
    return this.#timeline.offsetMs(number);
  }

  /** Appends event `number` of this generator, unless it is of a kind that is not wanted. */
  write(out: BatchBuilder, number: number): void {
    const shuffled = this.#timeline.shuffled(number);
    const id = this.#firstEventId + shuffled;
    const denominator = this.#denominator;
    let epoch = Math.floor(id / denominator);
    let place = id - epoch * denominator;
    // The quotient of a large id may have been rounded up.
    if (place < 0) {
      epoch -= 1;
      place += denominator;
    }
    const { person, auction } = this.#options.proportions;
    const kind = place < person ? PERSON_KIND : place < person + auction ? AUCTION_KIND : BID_KIND;
    if (this.#wanted !== undefined && this.#wanted !== kind) return;
    this.#lastPerson = epoch * person + Math.min(place, person - 1);
    this.#lastAuction = epoch * auction + Math.min(place - person, auction - 1);
    this.#random.seed(id);
    this.#random.high ^= this.#seedHigh;
    this.#random.low ^= this.#seedLow;
    const timeMs = this.#baseTimeMs + this.#timeline.offsetMs(shuffled);
    this.#writeRow(out, { kind, timeMs, number: shuffled });
  }

  #writeRow(out: BatchBuilder, event: EventPlace): void {
    const start = out.reserve(this.bytesMax);
    const cursor = this.#cursor;
    let nested = 0;
    if (this.#wanted === undefined) {
      cursor.begin(out, EVENT_FIXED_BYTES);
      nested = this.#openEvent(out, event);
    }
    const bytes = this.#writeRecord(out, event, start + nested);
    if (nested > 0) {
      const slot = start + slotOffset(2 + event.kind);
      out.view.setInt32(slot, nested, true);
      out.view.setInt32(slot + 4, bytes, true);
      out.view.setInt32(start, nested + bytes, true);
    }
    out.commit(nested + bytes, 1);
  }

  /** Writes the fixed part of an event. Returns where its record begins. */
  #openEvent(out: BatchBuilder, { kind, timeMs }: EventPlace): number {
    const cursor = this.#cursor;
    const start = out.length;
    const { view } = out;
    cursor.integer(0, kind);
    cursor.integer(1, timeMs);
    for (let field = 2; field < 5; field++) cursor.integer(field, 0);
    view.setInt32(start + EVENT_NULLS_OFFSET, EVENT_NULLS_ALL & ~(1 << (2 + kind)), true);
    view.setInt32(start + EVENT_NULLS_OFFSET + 4, 0, true);
    return EVENT_FIXED_BYTES;
  }

  #writeRecord(out: BatchBuilder, event: EventPlace, at: number): number {
    const cursor = this.#cursor;
    if (event.kind === BID_KIND) {
      cursor.begin(out, 0);
      cursor.nest(at, BID_FIXED_BYTES);
      this.#writeBid(event);
    } else if (event.kind === AUCTION_KIND) {
      cursor.begin(out, 0);
      cursor.nest(at, AUCTION_FIXED_BYTES);
      this.#writeAuction(event);
    } else {
      cursor.begin(out, 0);
      cursor.nest(at, PERSON_FIXED_BYTES);
      this.#writePerson(event);
    }
    return cursor.end();
  }

  #writePerson({ timeMs }: EventPlace): void {
    const cursor = this.#cursor;
    const random = this.#random;
    cursor.integer(0, this.#lastPerson + FIRST_PERSON_ID);
    let start = cursor.tail;
    cursor.literal(FIRST_NAMES[random.nextIntBelow(FIRST_NAMES.length)]);
    cursor.byte(0x20);
    cursor.literal(LAST_NAMES[random.nextIntBelow(LAST_NAMES.length)]);
    let size = PERSON_NUMBERS_BYTES + cursor.text(1, start);
    start = cursor.tail;
    cursor.letters(random, 7);
    cursor.byte(0x40);
    cursor.letters(random, 5);
    cursor.literal(DOT_COM);
    size += cursor.text(2, start);
    start = cursor.tail;
    this.#writeCreditCard();
    size += cursor.text(3, start);
    start = cursor.tail;
    cursor.literal(CITIES[random.nextIntBelow(CITIES.length)]);
    size += cursor.text(4, start);
    start = cursor.tail;
    cursor.literal(STATES[random.nextIntBelow(STATES.length)]);
    size += cursor.text(5, start);
    cursor.integer(6, timeMs);
    start = cursor.tail;
    cursor.filler(random, size, this.#options.averageBytes.person);
    cursor.text(7, start);
  }

  #writeCreditCard(): void {
    const cursor = this.#cursor;
    for (let group = 0; group < 4; group++) {
      if (group > 0) cursor.byte(0x20);
      const digits = this.#random.nextIntBelow(10_000);
      cursor.byte(0x30 + Math.floor(digits / 1000));
      cursor.byte(0x30 + (Math.floor(digits / 100) % 10));
      cursor.byte(0x30 + (Math.floor(digits / 10) % 10));
      cursor.byte(0x30 + (digits % 10));
    }
  }

  #writeAuction({ timeMs, number }: EventPlace): void {
    const cursor = this.#cursor;
    const random = this.#random;
    const options = this.#options;
    cursor.integer(0, this.#lastAuction + FIRST_AUCTION_ID);
    const seller =
      random.nextIntBelow(options.hotSellersRatio) > 0
        ? hotOf(this.#lastPerson)
        : this.#activePerson();
    cursor.integer(7, seller + FIRST_PERSON_ID);
    cursor.integer(8, FIRST_CATEGORY_ID + random.nextIntBelow(CATEGORIES));
    const initialBid = nextPrice(random);
    cursor.integer(3, initialBid);
    cursor.integer(5, timeMs);
    const horizonMs =
      this.#baseTimeMs + this.#timeline.offsetMs(number + this.#horizonEvents) - timeMs;
    cursor.integer(6, timeMs + 1 + nextBelow(random, Math.max(horizonMs * 2, 1)));
    let start = cursor.tail;
    cursor.letters(random, ITEM_NAME_BYTES_MAX);
    let size = AUCTION_NUMBERS_BYTES + cursor.text(1, start);
    start = cursor.tail;
    cursor.letters(random, DESCRIPTION_BYTES_MAX);
    size += cursor.text(2, start);
    cursor.integer(4, initialBid + nextPrice(random));
    start = cursor.tail;
    cursor.filler(random, size, options.averageBytes.auction);
    cursor.text(9, start);
  }

  #writeBid({ timeMs }: EventPlace): void {
    const cursor = this.#cursor;
    const random = this.#random;
    const options = this.#options;
    const auction =
      random.nextIntBelow(options.hotAuctionRatio) > 0
        ? hotOf(this.#lastAuction)
        : this.#openAuction();
    cursor.integer(0, auction + FIRST_AUCTION_ID);
    // The second of the run, so that hot bidders and hot sellers are not the same people.
    const bidder =
      random.nextIntBelow(options.hotBiddersRatio) > 0
        ? hotOf(this.#lastPerson) + 1
        : this.#activePerson();
    cursor.integer(1, bidder + FIRST_PERSON_ID);
    cursor.integer(2, nextPrice(random));
    cursor.integer(5, timeMs);
    this.#writeChannel();
    const start = cursor.tail;
    cursor.filler(random, BID_NUMBERS_BYTES, options.averageBytes.bid);
    cursor.text(6, start);
  }

  /** Half of the bids come through one of four hot channels. */
  #writeChannel(): void {
    const cursor = this.#cursor;
    const channels = this.#channels;
    let hash = Math.imul((this.#random.high << 8) ^ this.#random.low, 0x9e37_79b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
    hash = (hash ^ (hash >>> 13)) >>> 0;
    const channel =
      (hash & 1) === 0
        ? (hash >>> 1) % HOT_CHANNELS
        : HOT_CHANNELS + ((hash >>> 3) % COLD_CHANNELS);
    const at = channel * CHANNEL_WORDS;
    let start = cursor.tail;
    cursor.words(channels, at + 2, channels[at]);
    cursor.text(3, start);
    start = cursor.tail;
    cursor.words(channels, at + 2 + CHANNEL_NAME_WORDS, channels[at + 1]);
    cursor.text(4, start);
  }

  #activePerson(): number {
    const people = this.#lastPerson + 1;
    const active = Math.min(people, this.#options.activePeople);
    return people - active + nextBelow(this.#random, active + ID_LEAD);
  }

  #openAuction(): number {
    const first = Math.max(this.#lastAuction - this.#options.inFlightAuctions, 0);
    return first + nextBelow(this.#random, this.#lastAuction - first + 1 + ID_LEAD);
  }
}

/** What an event is, when it happens, and its number inside the generator. */
interface EventPlace {
  readonly kind: number;
  readonly timeMs: number;
  readonly number: number;
}

const DOT_COM = new TextEncoder().encode('.com');

function hotOf(last: number): number {
  return Math.floor(last / HOT_RUN) * HOT_RUN;
}

/** A price in cents: from 1.00 to 1,000,000.00, its logarithm evenly spread. */
function nextPrice(random: JavaRandom): number {
  return Math.round(10 ** (random.nextDouble() * 6) * 100);
}

/** A whole number in [0, bound). Beyond 32 bits the small ones are likelier; only auctions of weeks are so long. */
function nextBelow(random: JavaRandom, bound: number): number {
  if (bound < INT_MAX) return random.nextIntBelow(bound);
  const value = random.nextLong() % BigInt(bound);
  return Math.abs(Number(value));
}
