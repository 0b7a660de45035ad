import { z } from 'zod';
import { fromSchema, keySchema, memberSchema } from '../reference-schema.ts';
import { guestOptions } from './step-options.ts';

const keyedOptions = {
  from: fromSchema,
  key: keySchema
    .optional()
    .describe('the field or fields that make the key, unless a keyBy step stands before'),
  emit: z
    .enum(['record', 'batch', 'end'], { error: 'expected "record", "batch" or "end"' })
    .optional()
    .describe(
      'when results leave: after each record (as in Flink; the default), once per key and batch, or once per key when the input ends',
    ),
  ...guestOptions,
};

/** Folds the records of a key into one: `counts: { reduce: text.sum, from: words, key: word }`. */
export const reduceStepSchema = z.strictObject({
  reduce: memberSchema('function'),
  ...keyedOptions,
});

/** Folds the records of a key into an accumulator: `means: { aggregate: sensors.mean, from: readings, key: sensor }`. */
export const aggregateStepSchema = z.strictObject({
  aggregate: memberSchema('function'),
  ...keyedOptions,
});
