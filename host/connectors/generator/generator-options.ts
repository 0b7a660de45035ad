import { z } from 'zod';
import { SPLITS_MAX } from '../../limits.ts';
import { durationOption, expected } from '../check-options.ts';

/** A number that JSON and a row's 64-bit slot both hold exactly. */
const integer = z.int();

const timeOption = z
  .union([z.int(), z.string()], expected('milliseconds since the epoch or an ISO 8601 time'))
  .transform((value, context) => {
    const timeMs = typeof value === 'number' ? value : Date.parse(value);
    if (Number.isSafeInteger(timeMs)) return timeMs;
    context.addIssue({ code: 'custom', message: `expected an ISO 8601 time, got "${value}"` });
    return z.NEVER;
  });

const ruleOptions = {
  sequence: z.strictObject({ start: z.number().default(0), step: z.number().default(1) }),
  uniform: z
    .strictObject({ min: z.number(), max: z.number() })
    .refine(({ min, max }) => min <= max, 'expected "min" to be at most "max"'),
  choice: z.array(z.union([z.string(), z.number(), z.boolean()])).min(1),
  words: z.strictObject({ of: z.array(z.string().min(1)).min(1), count: integer.min(1).max(1000) }),
  timestamp: z.strictObject({
    start: timeOption.default(0),
    step: durationOption.default(1),
    jitter: durationOption.default(0),
  }),
};

const RULE_NAMES = Object.keys(ruleOptions)
  .map((name) => `"${name}"`)
  .join(', ');

const fieldOptions = z
  .strictObject({
    sequence: ruleOptions.sequence.optional(),
    uniform: ruleOptions.uniform.optional(),
    choice: ruleOptions.choice.optional(),
    words: ruleOptions.words.optional(),
    timestamp: ruleOptions.timestamp.optional(),
    nulls: z.number().min(0).max(1).default(0),
  })
  .refine(
    ({ nulls: _, ...rules }) =>
      Object.values(rules).filter((rule) => rule !== undefined).length <= 1,
    `expected at most one of ${RULE_NAMES}`,
  );

export const generatorOptions = z.strictObject({
  count: integer.min(0).optional(),
  rate: z.number().positive().optional(),
  seed: integer.default(1),
  splits: integer.min(1).max(SPLITS_MAX).default(1),
  fields: z.record(z.string(), fieldOptions).default({}),
});

export type GeneratorOptions = z.output<typeof generatorOptions>;
/** How one field gets its values; without a rule, as its type suggests. */
export type FieldOptions = z.output<typeof fieldOptions>;
