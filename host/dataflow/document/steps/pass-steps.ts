import { z } from 'zod';
import { OPERATORS_MAX } from '../../../limits.ts';
import { fromSchema, keySchema, NO_NAME } from '../reference-schema.ts';
import { stepOptions } from './step-options.ts';

/** Deals records by key to the tasks that follow: `byWord: { keyBy: word, from: words }`. */
export const keyByStepSchema = z.strictObject({
  keyBy: keySchema,
  from: fromSchema,
  ...stepOptions,
});

/** Several streams of one record type as one: `all: { union: [left, right] }`. */
export const unionStepSchema = z.strictObject({
  union: z
    .array(z.string(), { error: 'expected a list of names of sources or steps' })
    .min(1, { error: NO_NAME })
    .max(OPERATORS_MAX),
  ...stepOptions,
});
