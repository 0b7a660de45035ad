import { z } from 'zod';
import { delaySchema, durationSchema, nameSchema } from './quantity-schema.ts';
import { memberSchema } from './reference-schema.ts';
import { guestLimitsSchema } from './steps/step-options.ts';

const alignmentSchema = z.strictObject({
  group: nameSchema.describe('sources of the same group wait for each other'),
  maxDrift: durationSchema.describe('how far the watermark of one may be ahead of the slowest'),
});

/** Where the event time of a source's records comes from, and its watermark. */
export const eventTimeSchema = z
  .strictObject({
    field: z.string().optional().describe('a field of type timestamp, or i64 of milliseconds'),
    assign: memberSchema('function')
      .optional()
      .describe('an assignTimestamp of a module, instead of a field'),
    limits: guestLimitsSchema.optional().describe('what that function may use'),
    outOfOrderness: delaySchema
      .optional()
      .describe('how much later than a later record one may come; 0ms unless given'),
    punctuated: z
      .string()
      .optional()
      .describe(
        'a field that says what the watermark is, instead: a bool (the time of this record is one), or a time that is one unless it is null',
      ),
    idle: durationSchema
      .optional()
      .describe('after this long without a record a partition holds back no watermark'),
    alignment: alignmentSchema.optional(),
  })
  .superRefine((eventTime, context) => {
    const { field, assign, limits, punctuated, outOfOrderness } = eventTime;
    const add = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    if ((field === undefined) === (assign === undefined)) {
      const found = field === undefined ? 'neither' : 'both';
      add([], `event time comes from a "field" or a function, "assign": found ${found}`);
    }
    if (limits !== undefined && assign === undefined) add(['limits'], 'there is no function');
    if (punctuated !== undefined && outOfOrderness !== undefined) {
      add(['outOfOrderness'], 'the records themselves say what the watermark is: "punctuated"');
    }
  });

export type EventTimeDocument = z.infer<typeof eventTimeSchema>;
