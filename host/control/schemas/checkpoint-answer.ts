import { z } from 'zod';

export const checkpointAnswer = z
  .object({
    checkpoint: z.int(),
    state: z.enum(['running', 'completed', 'failed']),
    triggeredAtMs: z.number(),
    durationMs: z.number(),
    bytes: z.number().describe('bytes of state written'),
    pauseMs: z.number().describe('longest time a task stood still for it'),
    reason: z.string().describe('why it failed; empty otherwise'),
    final: z.boolean().describe('the sources were at their end'),
  })
  .meta({ id: 'Checkpoint' });

/** Oldest first. */
export const checkpointListAnswer = z
  .object({ checkpoints: z.array(checkpointAnswer) })
  .meta({ id: 'CheckpointList' });
