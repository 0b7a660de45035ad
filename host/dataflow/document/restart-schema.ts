import { z } from 'zod';
import { RESTART_ATTEMPTS_MAX, RESTART_FAILURES_MAX } from '../../limits.ts';
import { parseDuration } from '../../model/quantity.ts';
import type { RestartStrategy } from '../restart-strategy.ts';
import { countSchema, delaySchema, durationSchema } from './quantity-schema.ts';

/** A number between two bounds. */
function ratioSchema(from: number, to: number) {
  const error = `expected a number from ${from} to ${to}`;
  return z.number({ error }).min(from, { error }).max(to, { error });
}

const fixedDelay = z.strictObject({
  attempts: countSchema(1, RESTART_ATTEMPTS_MAX).default(1).describe('restarts in all'),
  delay: delaySchema.default('1s').describe('wait before each'),
});

const exponentialBackoff = z.strictObject({
  initialBackoff: durationSchema.default('1s').describe('first wait'),
  maxBackoff: durationSchema.default('1m').describe('longest wait'),
  backoffMultiplier: ratioSchema(1, 100).default(1.5).describe('growth from wait to wait'),
  resetBackoffThreshold: durationSchema
    .default('1h')
    .describe('without a failure for so long, waits and attempts begin anew'),
  jitterFactor: ratioSchema(0, 1).default(0.1).describe('share by which a wait differs at random'),
  attemptsBeforeResetBackoff: countSchema(1, RESTART_ATTEMPTS_MAX)
    .optional()
    .describe('restarts until then; any number unless given'),
});

const failureRate = z.strictObject({
  maxFailuresPerInterval: countSchema(1, RESTART_FAILURES_MAX)
    .default(1)
    .describe('failures in an interval; one more ends the job'),
  failureRateInterval: durationSchema.default('1m'),
  delay: delaySchema.default('1s').describe('wait before each restart'),
});

const EXPECTED =
  'expected "none", or one of { fixedDelay: {…} }, { exponentialBackoff: {…} }, { failureRate: {…} }';

const strategies = z
  .strictObject({
    fixedDelay: fixedDelay.optional(),
    exponentialBackoff: exponentialBackoff.optional(),
    failureRate: failureRate.optional(),
  })
  .refine(
    (one) => Object.values(one).filter((given) => given !== undefined).length === 1,
    EXPECTED,
  );

/** `restart` of a pipeline: what follows a failure that a restart may mend. */
export const restartSchema = z
  .union([z.literal('none'), strategies], { error: EXPECTED })
  .describe('restart strategy, as in Apache Flink');

/** The strategy of a document; undefined where it says nothing. */
export function restartStrategy(
  restart: z.infer<typeof restartSchema> | undefined,
): RestartStrategy | undefined {
  if (restart === undefined) return undefined;
  if (restart === 'none') return { kind: 'none' };
  const { fixedDelay, failureRate, exponentialBackoff } = restart;
  if (fixedDelay !== undefined) {
    const { attempts, delay } = fixedDelay;
    return { kind: 'fixedDelay', attempts, delayMs: toMs(delay) };
  }
  if (failureRate !== undefined) {
    const { maxFailuresPerInterval, failureRateInterval, delay } = failureRate;
    return {
      kind: 'failureRate',
      maxFailuresPerInterval,
      failureRateIntervalMs: toMs(failureRateInterval),
      delayMs: toMs(delay),
    };
  }
  if (exponentialBackoff === undefined) return undefined;
  const { initialBackoff, maxBackoff, resetBackoffThreshold } = exponentialBackoff;
  return {
    kind: 'exponentialBackoff',
    initialBackoffMs: toMs(initialBackoff),
    maxBackoffMs: toMs(maxBackoff),
    backoffMultiplier: exponentialBackoff.backoffMultiplier,
    resetBackoffThresholdMs: toMs(resetBackoffThreshold),
    jitterFactor: exponentialBackoff.jitterFactor,
    attemptsBeforeResetBackoff: exponentialBackoff.attemptsBeforeResetBackoff,
  };
}

function toMs(duration: string): number {
  return parseDuration(duration) ?? 0;
}
