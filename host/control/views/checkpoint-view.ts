import type { z } from 'zod';
import type { CheckpointRecord } from '../../runtime/checkpoint-record.ts';
import type { checkpointAnswer } from '../schemas/checkpoint-answer.ts';

export function checkpointView(record: CheckpointRecord): z.output<typeof checkpointAnswer> {
  return { ...record };
}
