import { z } from 'zod';
import {
  FUEL_PER_CALL_MAX,
  MEMORY_PAGES_MAX,
  OUTPUT_BYTES_MAX,
  PARALLELISM_MAX,
} from '../../../limits.ts';
import { errorPolicySchema } from '../error-policy-schema.ts';
import { countSchema, durationSchema, nameSchema, sizeSchema } from '../quantity-schema.ts';

/** Bytes of a WebAssembly page. */
export const PAGE_BYTES = 65_536;

/** Options of every step. */
export const stepOptions = {
  parallelism: countSchema(1, PARALLELISM_MAX)
    .optional()
    .describe('parallel tasks; the parallelism of the pipeline unless given'),
  uid: nameSchema
    .optional()
    .describe('the id of the step in state and savepoints, to keep both when the step is renamed'),
};

export const guestLimitsSchema = z.strictObject({
  fuelPerRecord: countSchema(1, FUEL_PER_CALL_MAX).optional(),
  memory: sizeSchema(MEMORY_PAGES_MAX * PAGE_BYTES).optional(),
  output: sizeSchema(OUTPUT_BYTES_MAX).optional().describe('what one call may emit'),
  deadline: durationSchema
    .optional()
    .describe(
      'how long one batch may take; a function that does not stop is ended with its process',
    ),
});

/** Options of every step that runs a guest function. */
export const guestOptions = {
  ...stepOptions,
  onError: errorPolicySchema.optional(),
  limits: guestLimitsSchema.optional().describe('what the function may use'),
};
