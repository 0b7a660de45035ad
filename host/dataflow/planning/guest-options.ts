import type { z } from 'zod';
import {
  BATCH_DEADLINE_MS,
  FUEL_PER_RECORD_DEFAULT,
  MEMORY_PAGES_MAX,
  OUTPUT_BYTES_MAX,
} from '../../limits.ts';
import type { GuestLimits } from '../../sandbox/guest.ts';
import type { errorPolicySchema } from '../document/error-policy-schema.ts';
import { type guestLimitsSchema, PAGE_BYTES } from '../document/steps/step-options.ts';
import type { ErrorPolicy } from '../plan.ts';
import { durationMs, sizeBytes } from './node-parts.ts';

/** What a step's `onError` says; a failing record fails the job unless it says something else. */
export function errorPolicy(policy: z.infer<typeof errorPolicySchema> | undefined): ErrorPolicy {
  const retried = typeof policy === 'object' ? policy : undefined;
  return {
    retries: retried?.retry ?? 0,
    backoffMs: durationMs(retried?.backoff) ?? 0,
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    then: typeof policy === 'object' ? policy.then : (policy ?? 'fail'),
  };
}

/** A step's `limits`, those of the platform where it says nothing. */
export function guestLimits(step: {
  readonly limits?: z.infer<typeof guestLimitsSchema> | undefined;
}): GuestLimits {
  const { fuelPerRecord, memory, output, deadline } = step.limits ?? {};
  return {
    fuelPerRecord: fuelPerRecord ?? FUEL_PER_RECORD_DEFAULT,
    memoryPages:
      memory === undefined ? MEMORY_PAGES_MAX : Math.ceil(sizeBytes(memory) / PAGE_BYTES),
    deadlineMs: durationMs(deadline) ?? BATCH_DEADLINE_MS,
    outputBytes: output === undefined ? OUTPUT_BYTES_MAX : sizeBytes(output),
  };
}
