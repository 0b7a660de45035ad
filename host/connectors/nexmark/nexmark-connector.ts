import { type Clock, systemClock } from '../../clock.ts';
import { checkOptions } from '../check-options.ts';
import type { Connector } from '../connector.ts';
import { nexmarkOptions } from './nexmark-options.ts';
import { NexmarkReader } from './nexmark-reader.ts';
import { nexmarkSplits } from './nexmark-split.ts';
import { nexmarkSchema } from './schemas.ts';
import { isRateTooSlow } from './timeline.ts';

/**
 * The `nexmark` connector: the people, auctions and bids of the Nexmark benchmark, equal to those of Apache Beam's generator.
 *
 * - `events`: `all` (records `Event`), `person`, `auction` or `bid` (records of that kind alone).
 * - `count`: events in all, wanted or not; endless unless given. `generators`: timelines that run beside each other and share
 *   the ids and the rate (1); each is one split.
 * - `seed`: other values than Beam's (0 = Beam's). `firstEventId` (0), `baseTime` (2015-07-15T00:00:00Z, or `now`).
 * - `rate`: events a second of event time (10000), or `{ first, next, shape: sine | square, period: 10m, per: second | minute }`.
 *   `paced`: events come when they are due by the clock, not as fast as they are taken (false).
 * - `outOfOrderGroup`: events of such a group come in another order than they happened (1 = in order).
 * - `proportions: { person: 1, auction: 3, bid: 46 }`, `activePeople` (1000), `inFlightAuctions` (100), `hotAuctionRatio` (2),
 *   `hotSellersRatio` (4), `hotBiddersRatio` (4), `averageBytes: { person: 200, auction: 500, bid: 100 }`.
 *
 * `channel` and `url` of a bid, which Beam's has not, are spread as in the nexmark/nexmark suite.
 * Offsets: the number of the next event. End-to-end: *replayable*.
 *
 *     bids: { connector: nexmark, events: bid, count: 100000, eventTime: { field: dateTime } }
 */
export function createNexmarkConnector(clock: Clock): Connector {
  return {
    name: 'nexmark',
    source(given) {
      const checked = checkOptions(nexmarkOptions, given);
      if (!checked.ok) return checked;
      const options = checked.value;
      if (isRateTooSlow(options)) {
        const message = 'expected at least one event in a step of the rate; take a longer period';
        return { ok: false, findings: [{ path: ['rate', 'period'], message }] };
      }
      return {
        ok: true,
        value: {
          schema: nexmarkSchema(options.events),
          guarantee: 'replayable',
          splits: async () => nexmarkSplits(options, clock.nowMs()),
          open: async (splits, context) => new NexmarkReader(splits, context, options, clock),
        },
      };
    },
  };
}

/** The `nexmark` connector on the real clock. */
export const nexmarkConnector = createNexmarkConnector(systemClock);
