import { z } from 'zod';
import { fromSchema, memberSchema } from '../reference-schema.ts';
import { guestOptions } from './step-options.ts';

const functionSchema = memberSchema('function');

/** One record out per record in: `upper: { map: text.upper, from: lines }`. */
export const mapStepSchema = z.strictObject({
  map: functionSchema,
  from: fromSchema,
  ...guestOptions,
});

/** Records that pass, unchanged: `long: { filter: text.isLong, from: lines }`. */
export const filterStepSchema = z.strictObject({
  filter: functionSchema,
  from: fromSchema,
  ...guestOptions,
});

/** Any number of records out per record in: `words: { flatMap: text.words, from: lines }`. */
export const flatMapStepSchema = z.strictObject({
  flatMap: functionSchema,
  from: fromSchema,
  ...guestOptions,
});
