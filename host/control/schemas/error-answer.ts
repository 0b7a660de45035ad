import { z } from 'zod';

/** The body of every answer with a status of 400 or above. */
export const errorAnswer = z
  .object({
    code: z.string().describe('one of the codes in errors.md; never renamed'),
    message: z.string(),
    details: z.array(z.string()).describe('one string per finding, when there are several'),
    hint: z.string().describe('what the caller can do about it; may be empty'),
  })
  .meta({ id: 'Error' });
