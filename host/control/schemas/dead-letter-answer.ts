import { z } from 'zod';

/** A record that failed for good under the policy `deadLetter`. */
export const deadLetterAnswer = z
  .object({
    atMs: z.number(),
    step: z.string(),
    function: z.string(),
    digest: z.string().describe('of the module that refused it'),
    code: z.string(),
    message: z.string(),
    row: z.string().describe('the row as it came in, base64'),
  })
  .meta({ id: 'DeadLetter' });

export const deadLetterListAnswer = z
  .object({ deadLetters: z.array(deadLetterAnswer).describe('oldest first') })
  .meta({ id: 'DeadLetterList' });
