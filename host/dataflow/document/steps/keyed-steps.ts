import { z } from 'zod';
import { delaySchema } from '../quantity-schema.ts';
import { fromSchema, keySchema, memberSchema } from '../reference-schema.ts';
import { guestOptions } from './step-options.ts';
import { type WindowDocument, windowSchema } from './window-schema.ts';

/** Options of steps that may be windowed. */
const windowOptions = {
  window: windowSchema
    .optional()
    .describe('folds the records of a key by windows, each on its own, instead of all of them'),
  allowedLateness: delaySchema
    .optional()
    .describe('how long after its end a window takes records and emits again; 0ms unless given'),
};

/** What only windowed steps have, and what they do not have. */
function checkWindowed(
  step: {
    readonly window?: WindowDocument | undefined;
    readonly allowedLateness?: string | undefined;
    readonly emit?: string | undefined;
  },
  context: z.RefinementCtx,
): void {
  const add = (key: string, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message });
  if (step.window === undefined) {
    if (step.allowedLateness !== undefined) add('allowedLateness', 'the step has no window');
    return;
  }
  if (step.emit !== undefined) {
    add('emit', 'a windowed step emits when its windows fire: see "trigger" of the window');
  }
  if (step.allowedLateness === undefined) return;
  if (step.window.allowedLateness !== undefined) {
    add('allowedLateness', 'the window has an allowedLateness of its own');
  }
  if (step.window.count !== undefined || step.window.global !== undefined) {
    add('allowedLateness', 'a window without an end knows no late records');
  }
}

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
  ...windowOptions,
  ...guestOptions,
};

/** Folds the records of a key into one: `counts: { reduce: text.sum, from: words, key: word }`. */
export const reduceStepSchema = z
  .strictObject({ reduce: memberSchema('function'), ...keyedOptions })
  .superRefine(checkWindowed);

/** Folds the records of a key into an accumulator: `means: { aggregate: sensors.mean, from: readings, key: sensor }`. */
export const aggregateStepSchema = z
  .strictObject({ aggregate: memberSchema('function'), ...keyedOptions })
  .superRefine(checkWindowed);

/** Hands all records of a key in a window to a function: `{ apply: web.path, from: clicks, key: user, window: { session: 30m } }`. */
export const applyStepSchema = z
  .strictObject({
    apply: memberSchema('function'),
    from: keyedOptions.from,
    key: keyedOptions.key,
    ...windowOptions,
    window: windowSchema,
    ...guestOptions,
  })
  .superRefine(checkWindowed);
