import { z } from 'zod';

const moduleVersion = z.object({ ref: z.string(), digest: z.string() });

const updateState = z.enum([
  'requested',
  'admitted',
  'staged',
  'armed',
  'swapped',
  'settled',
  'refused',
]);

/** The body that asks for a hot swap. */
export const updateRequest = z
  .strictObject({
    module: z.string().describe('`name@version` or `name@latest` of the catalog'),
    strategy: z.enum(['barrier']).default('barrier').describe('one cut in all tasks at a barrier'),
  })
  .meta({ id: 'UpdateRequest' });

/** One hot swap: its states with their times, its cut and what it cost. */
export const updateAnswer = z
  .object({
    update: z.int().positive(),
    step: z.string(),
    from: moduleVersion,
    to: moduleVersion,
    strategy: z.string(),
    state: updateState,
    times: z.array(z.object({ state: updateState, atMs: z.number() })),
    checkpoint: z.int().nullable().describe('the checkpoint whose barrier is the cut, once armed'),
    pauses: z
      .array(z.object({ task: z.int(), pauseMs: z.number() }))
      .describe('how long each task stood still to swap'),
    reason: z.string().describe('why it was refused; empty otherwise'),
  })
  .meta({ id: 'Update' });

/** Oldest first. */
export const updateListAnswer = z
  .object({ updates: z.array(updateAnswer) })
  .meta({ id: 'UpdateList' });
