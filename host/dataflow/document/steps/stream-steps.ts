import { z } from 'zod';
import { RECORDS_MAX, SIDES_MAX, TOP_MAX } from '../../../limits.ts';
import { countSchema, delaySchema, durationSchema, nameSchema } from '../quantity-schema.ts';
import { fromSchema, keySchema } from '../reference-schema.ts';
import { stepOptions } from './step-options.ts';

const { uid, parallelism } = stepOptions;
const on = z.literal(true, { error: 'expected true' });

/** The first records of a stream, whatever its parallelism: `some: { limit: 100, from: lines }`. */
export const limitStepSchema = z.strictObject({
  limit: countSchema(0, RECORDS_MAX).describe('how many records pass, in all'),
  from: fromSchema,
  uid,
});

const SHARE = 'expected a share above 0 and up to 1';

/** A random share of the records: `few: { sample: 0.01, from: lines }`. */
export const sampleStepSchema = z.strictObject({
  sample: z
    .number({ error: SHARE })
    .gt(0, { error: SHARE })
    .max(1, { error: SHARE })
    .describe('the share of the records that pass, 0 to 1'),
  seed: countSchema(0, 2 ** 31 - 1)
    .optional()
    .describe('another seed, another sample; 0 unless given'),
  from: fromSchema,
  ...stepOptions,
});

/** Writes some records to the job's log and passes all: `look: { inspect: true, from: words }`. */
export const inspectStepSchema = z.strictObject({
  inspect: z.union(
    [
      on,
      z.strictObject({
        first: countSchema(0, 1_000).optional().describe('records at the start; 10 unless given'),
        every: countSchema(1, RECORDS_MAX)
          .optional()
          .describe('then one in so many; 1000000 unless given'),
      }),
    ],
    { error: 'expected true, or { first, every }' },
  ),
  from: fromSchema,
  ...stepOptions,
});

/** Records by the value of a text field into side outputs: `by: { split: kind, sides: [bid, person], from: events }`, read as `by:bid`. */
export const splitStepSchema = z.strictObject({
  split: z.string().describe('a field of type string'),
  sides: z
    .array(nameSchema)
    .min(1)
    .max(SIDES_MAX)
    .describe('values that have a side output of their own; other records stay in the main output'),
  from: fromSchema,
  ...stepOptions,
});

const ttl = durationSchema
  .optional()
  .describe(
    'a key is forgotten so long after the record that passed, by event time; never unless given',
  );

/** The first record of each key: `once: { dedupe: id, from: orders, ttl: 1h }`. */
export const dedupeStepSchema = z.strictObject({
  dedupe: keySchema,
  from: fromSchema,
  ttl,
  ...stepOptions,
});

/** Each record once, all its fields its key: `once: { distinct: true, from: words }`. */
export const distinctStepSchema = z.strictObject({
  distinct: on,
  from: fromSchema,
  ttl,
  ...stepOptions,
});

/** The best records of each key: `dearest: { topN: 3, by: price, key: category, from: bids }`. */
export const topStepSchema = z.strictObject({
  topN: countSchema(1, TOP_MAX),
  by: z.string().describe('the field that decides'),
  order: z
    .enum(['desc', 'asc'], { error: 'expected "desc" or "asc"' })
    .optional()
    .describe('whether the highest or the lowest are best; "desc" unless given'),
  key: keySchema.optional(),
  rank: z.string().optional().describe('an i64 field that the rank is written to, 1 for the best'),
  from: fromSchema,
  emit: z
    .enum(['record', 'end'], { error: 'expected "record" or "end"' })
    .optional()
    .describe(
      'each record as it enters the best (the default), or the best of each key when the input ends',
    ),
  ...stepOptions,
});

/** The records of each window in order, from one task: `inOrder: { sort: [at, id], window: { tumbling: 10s }, from: events }`. */
export const sortStepSchema = z.strictObject({
  sort: keySchema.describe('the field or fields that decide, the first one first'),
  order: z
    .enum(['asc', 'desc'], { error: 'expected "asc" or "desc"' })
    .optional()
    .describe('"asc" unless given'),
  window: z.strictObject({
    tumbling: durationSchema.describe('records are in order within windows of this length'),
    offset: delaySchema.optional().describe('windows start this much later than at midnight UTC'),
  }),
  from: fromSchema,
  uid,
});

/** Deals records evenly to the tasks that follow: `even: { rebalance: true, from: lines }`. */
export const rebalanceStepSchema = z.strictObject({
  rebalance: on,
  from: fromSchema,
  uid,
  parallelism,
});

/** Every record to every task that follows: `rules: { broadcast: true, from: changes }`. */
export const broadcastStepSchema = z.strictObject({
  broadcast: on,
  from: fromSchema,
  uid,
  parallelism,
});

/** Deals records to the tasks that follow by a number of the user's: `mine: { partition: shard, from: orders }`. */
export const partitionStepSchema = z.strictObject({
  partition: z
    .string()
    .describe(
      'a field of a whole number; a record goes to the task of that number, modulo their count',
    ),
  from: fromSchema,
  uid,
  parallelism,
});
