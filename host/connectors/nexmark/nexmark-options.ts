import { z } from 'zod';
import { NEXMARK_TEXT_BYTES_MAX, SPLITS_MAX } from '../../limits.ts';
import { durationOption, expected } from '../check-options.ts';

/** 2015-07-15T00:00:00Z, the base time of Beam's suite. */
const BASE_TIME_MS = 1_436_918_400_000;
/** Ids stay below this, so that every number derived from one fits a double. */
const ID_MAX = 2 ** 50;
const RATE_MAX = 1_000_000;
/** Shuffling multiplies by this prime. */
const SHUFFLE_PRIME = 953;

const count = z.int().min(1).max(1_000_000);
const rate = z.int().min(1).max(RATE_MAX);
const textBytes = z.int().min(0).max(NEXMARK_TEXT_BYTES_MAX);

const baseTimeOption = z
  .union([z.int(), z.string()], expected('milliseconds since the epoch, an ISO 8601 time or "now"'))
  .transform((value, context) => {
    if (value === 'now') return value;
    const timeMs = typeof value === 'number' ? value : Date.parse(value);
    if (Number.isSafeInteger(timeMs) && timeMs >= 0) return timeMs;
    context.addIssue({
      code: 'custom',
      message: `expected an ISO 8601 time or "now", got "${value}"`,
    });
    return z.NEVER;
  });

const shapedRate = z.strictObject({
  first: rate,
  next: rate,
  shape: z.enum(['sine', 'square']).default('sine'),
  period: durationOption.default(600_000),
  per: z.enum(['second', 'minute']).default('second'),
});

const rateOption = z
  .union([rate, shapedRate], expected(`events a second (1 to ${RATE_MAX}), or { first, next, … }`))
  .transform((value) =>
    typeof value === 'number' ? shapedRate.parse({ first: value, next: value }) : value,
  );

export const nexmarkOptions = z.strictObject({
  events: z.enum(['all', 'person', 'auction', 'bid']).default('all'),
  count: z.int().min(0).max(ID_MAX).optional(),
  generators: z.int().min(1).max(SPLITS_MAX).default(1),
  firstEventId: z.int().min(0).max(ID_MAX).default(0),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  baseTime: baseTimeOption.default(BASE_TIME_MS),
  rate: rateOption.default({
    first: 10_000,
    next: 10_000,
    shape: 'sine',
    period: 600_000,
    per: 'second',
  }),
  paced: z.boolean().default(false),
  outOfOrderGroup: z
    .int()
    .min(1)
    .max(1_000_000)
    .refine((size) => size === 1 || size % SHUFFLE_PRIME !== 0, {
      error: `expected no multiple of ${SHUFFLE_PRIME}, which would repeat events`,
    })
    .default(1),
  proportions: z
    .strictObject({
      person: count.default(1),
      auction: count.default(3),
      bid: count.default(46),
    })
    .default({ person: 1, auction: 3, bid: 46 }),
  activePeople: count.default(1000),
  inFlightAuctions: count.default(100),
  hotAuctionRatio: count.default(2),
  hotSellersRatio: count.default(4),
  hotBiddersRatio: count.default(4),
  averageBytes: z
    .strictObject({
      person: textBytes.default(200),
      auction: textBytes.default(500),
      bid: textBytes.default(100),
    })
    .default({ person: 200, auction: 500, bid: 100 }),
});

export type NexmarkOptions = z.output<typeof nexmarkOptions>;
