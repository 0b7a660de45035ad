import { z } from 'zod';
import { COUNT_WINDOW_MAX } from '../../../limits.ts';
import { countSchema, delaySchema, durationSchema } from '../quantity-schema.ts';

const triggerSchema = z
  .strictObject({
    count: countSchema(1, COUNT_WINDOW_MAX)
      .optional()
      .describe('a result after this many records of the key in the window'),
    every: durationSchema.optional().describe('a result after this long, by the clock'),
    purge: z
      .boolean()
      .optional()
      .describe('a result takes the records behind it out of the window; false unless given'),
  })
  .describe('results before the end of the window, and how often');

/** The kinds of windows by the key that marks them, each with the keys that may stand beside. */
const KINDS = {
  tumbling: ['offset', 'time', 'allowedLateness', 'trigger'],
  sliding: ['every', 'offset', 'time', 'allowedLateness', 'trigger'],
  session: ['allowedLateness', 'trigger'],
  count: ['every'],
  global: ['trigger'],
} as const;

type WindowKind = keyof typeof KINDS;

/** `{ tumbling: 10s }`, `{ sliding: 60s, every: 10s }`, `{ session: 30s }`, `{ count: 100 }`, `{ global: true, trigger: … }`. */
export const windowSchema = z
  .strictObject({
    tumbling: durationSchema.optional().describe('windows of this length, one after the other'),
    sliding: durationSchema
      .optional()
      .describe('windows of this length, of which one starts every so often'),
    session: durationSchema
      .optional()
      .describe('windows that end when a key has had no record for this long'),
    count: countSchema(1, COUNT_WINDOW_MAX).optional().describe('windows of so many records'),
    global: z.literal(true).optional().describe('one window for all records of a key'),
    every: z
      .union([durationSchema, countSchema(1, COUNT_WINDOW_MAX)], {
        error: 'expected a duration for a sliding window, a number of records for one of a count',
      })
      .optional()
      .describe('how often a sliding window starts, or after how many records one of a count ends'),
    offset: delaySchema.optional().describe('windows start this much later than at midnight UTC'),
    time: z
      .enum(['event', 'processing'], { error: 'expected "event" or "processing"' })
      .optional()
      .describe('whether records are in windows by their event time or by the clock'),
    allowedLateness: delaySchema
      .optional()
      .describe('how long after its end a window takes records and emits again'),
    trigger: triggerSchema.optional(),
  })
  .superRefine((window, context) => {
    const add = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const kinds = (Object.keys(KINDS) as WindowKind[]).filter((kind) => window[kind] !== undefined);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) {
      const named = kinds.map((one) => `"${one}"`).join(' and ');
      const what = kind === undefined ? 'the window has no kind' : `the window is ${named}`;
      add([], `${what}: a window is "tumbling", "sliding", "session", "count" or "global"`);
      return;
    }
    for (const key of Object.keys(window)) {
      if (key === kind || (KINDS[kind] as readonly string[]).includes(key)) continue;
      add([key], `a ${kind} window has no "${key}"`);
    }
    if (kind === 'sliding' && typeof window.every !== 'string') {
      add(['every'], 'a sliding window says how often one starts: every: 10s');
    }
    if (kind === 'count' && typeof window.every === 'string') {
      add(['every'], 'a window of a count ends after a number of records: every: 10');
    }
    const { trigger } = window;
    if (kind === 'global' && trigger?.count === undefined && trigger?.every === undefined) {
      add(['trigger'], 'a global window never ends: give it a trigger with a count, or an every');
    }
  });

export type WindowDocument = z.infer<typeof windowSchema>;
