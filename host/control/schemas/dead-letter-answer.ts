import { z } from 'zod';

/** A record that failed for good under the policy `deadLetter`, in a step or when it was read. */
export const deadLetterAnswer = z
  .object({
    atMs: z.number().describe('completion of the checkpoint that made it durable'),
    step: z.string().describe('the step, or the source that could not decode it'),
    function: z.string().nullable(),
    digest: z.string().nullable().describe('of the module that refused it'),
    code: z.string(),
    message: z.string(),
    row: z.string().nullable().describe('the row as it came in, base64'),
    excerpt: z.string().nullable().describe('the beginning of what could not be decoded'),
  })
  .meta({ id: 'DeadLetter' });

export const deadLetterListAnswer = z
  .object({ deadLetters: z.array(deadLetterAnswer).describe('the latest, oldest first') })
  .meta({ id: 'DeadLetterList' });
