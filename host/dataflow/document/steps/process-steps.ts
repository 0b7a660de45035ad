import { z } from 'zod';
import { durationSchema } from '../quantity-schema.ts';
import { fromSchema, keySchema, memberSchema } from '../reference-schema.ts';
import { guestOptions } from './step-options.ts';

const processOptions = {
  ttl: durationSchema
    .optional()
    .describe(
      'states that declare no time to live of their own are gone so long after their last write',
    ),
  ...guestOptions,
};

const key = keySchema
  .optional()
  .describe('the field or fields that make the key, unless a keyBy step stands before');

/** A function with states and timers: `sessions: { process: web.Sessions, from: clicks, key: user }`. */
export const processStepSchema = z.strictObject({
  process: memberSchema('function'),
  from: fromSchema,
  key,
  ...processOptions,
});

/** A function with two inputs that share states and timers: `paid: { coProcess: shop.Match, left: orders, right: payments, on: { left: id, right: order } }`. */
export const coProcessStepSchema = z.strictObject({
  coProcess: memberSchema('function'),
  left: fromSchema,
  right: fromSchema,
  on: z
    .strictObject({ left: keySchema, right: keySchema })
    .describe('the key of each input: as many fields, of the same types'),
  ...processOptions,
});

/** A function with an input that reaches every task: `alerts: { broadcastProcess: iot.Alerts, from: readings, key: sensor, broadcast: rules }`. */
export const broadcastProcessStepSchema = z.strictObject({
  broadcastProcess: memberSchema('function'),
  from: fromSchema,
  key,
  broadcast: fromSchema,
  ...processOptions,
});
