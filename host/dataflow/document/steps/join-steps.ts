import { z } from 'zod';
import { DURATION_MS_MAX } from '../../../limits.ts';
import { parseDuration } from '../../../model/quantity.ts';
import { durationSchema } from '../quantity-schema.ts';
import { keySchema, memberSchema } from '../reference-schema.ts';
import { lookupSchema } from './lookup-schema.ts';
import { guestOptions } from './step-options.ts';
import { windowSchema } from './window-schema.ts';

/** Milliseconds of `10s`, `-5s`, `0ms`; undefined when the text is none of these. */
export function signedDurationMs(text: string): number | undefined {
  const negative = text.startsWith('-');
  const ms = parseDuration(negative ? text.slice(1) : text);
  return negative && ms !== undefined ? -ms : ms;
}

/** A duration, forwards or backwards. */
const signedDurationSchema = z
  .string({ error: 'expected a duration such as "-5s", "0ms" or "10s"' })
  .refine((text) => signedDurationMs(text) !== undefined, {
    error: 'expected a duration such as "-5s", "0ms" or "10s"',
    abort: true,
  })
  .refine((text) => Math.abs(signedDurationMs(text) ?? 0) <= DURATION_MS_MAX, {
    error: `a duration is at most ${DURATION_MS_MAX} ms, about 24 days`,
  })
  .meta({ pattern: '^-?\\d+(\\.\\d+)?(ms|s|m|h|d)$' });

const intervalSchema = z
  .strictObject({
    lower: signedDurationSchema.describe(
      'how much earlier (negative) or later than the left record the right one is at least',
    ),
    upper: signedDurationSchema.describe('and at most'),
  })
  .refine(({ lower, upper }) => (signedDurationMs(lower) ?? 0) <= (signedDurationMs(upper) ?? 0), {
    error: 'the lower bound is above the upper one: no record is between them',
  });

const onSchema = z.strictObject({ left: keySchema, right: keySchema });

const inputSchema = z.string({ error: 'expected the name of a source or step' });

/** Words of the document for the ways to join; a step has one of them, or none for a regular join. */
const WAYS = ['window', 'interval', 'temporal', 'sideInput', 'lookup'] as const;
/** What windows of joins do not have. */
const NOT_OF_JOINS = ['session', 'count', 'global', 'trigger', 'time', 'allowedLateness'] as const;
const TYPES_WITHOUT_RIGHT = new Set(['right', 'full']);

/** Two streams by a key: `sold: { join: shop.sale, left: orders, right: payments, on: { left: id, right: order }, interval: { lower: 0s, upper: 1h } }`. */
export const joinStepSchema = z
  .strictObject({
    join: z
      .union([memberSchema('function'), z.literal(true)], {
        error: 'expected "module.function", or true for a join of type semi or anti',
      })
      .describe(
        'makes a record of a left and a right one; true for semi and anti joins, which pass left records on',
      ),
    left: inputSchema,
    right: inputSchema.optional().describe('left out when a table is looked up'),
    on: onSchema.describe('fields of both sides that must be equal'),
    type: z
      .enum(['inner', 'left', 'right', 'full', 'semi', 'anti'], {
        error: 'expected "inner", "left", "right", "full", "semi" or "anti"',
      })
      .optional()
      .describe('which records without a partner come out as well; "inner" unless given'),
    window: windowSchema.optional().describe('partners are in the same window'),
    interval: intervalSchema.optional().describe('partners are so far apart in event time'),
    ttl: durationSchema
      .optional()
      .describe(
        'of a regular join: a record is kept for so long, by event time; for ever unless given',
      ),
    temporal: z
      .literal(true, { error: 'expected true' })
      .optional()
      .describe(
        'the right side is a table that changes: a left record meets the version of its time',
      ),
    sideInput: z
      .enum(['latest', 'all'], { error: 'expected "latest" or "all"' })
      .optional()
      .describe('every task keeps the right side whole, of each key the latest record or all'),
    lookup: lookupSchema
      .optional()
      .describe('the right side is a table outside, asked for each left record'),
    ...guestOptions,
  })
  .superRefine((step, context) => {
    const add = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const ways = WAYS.filter((way) => step[way] !== undefined);
    for (const way of ways.slice(1))
      add(way, `a join is of one kind, this one has "${ways[0]}" as well`);
    if (step.ttl !== undefined && ways.length > 0) {
      add('ttl', `a join with "${ways[0]}" keeps records for as long as that asks for`);
    }
    for (const key of NOT_OF_JOINS) {
      const value = step.window?.[key];
      if (value === undefined || value === 'event') continue;
      const message = 'a join takes tumbling and sliding windows of event time, which fire once';
      context.addIssue({ code: 'custom', path: ['window', key], message });
    }
    const type = step.type ?? 'inner';
    const passes = type === 'semi' || type === 'anti';
    if (passes && step.join !== true) {
      add('join', `a join of type ${type} passes left records on: expected true`);
    }
    if (!passes && step.join === true)
      add('join', `a join of type ${type} needs a "module.function"`);
    if (step.lookup === undefined && step.right === undefined) add('right', 'is missing');
    if (step.lookup !== undefined) {
      if (step.right !== undefined) add('right', 'the right side is the table that is looked up');
      if (type !== 'inner' && type !== 'left') add('type', 'a lookup is inner or left');
    }
    const oneSided = step.temporal ?? step.sideInput;
    if (oneSided !== undefined && TYPES_WITHOUT_RIGHT.has(type)) {
      add(
        'type',
        `right records of such a join wait for nobody: expected inner, left, semi or anti`,
      );
    }
  });
