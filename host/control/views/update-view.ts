import type { z } from 'zod';
import type { UpdateRecord } from '../../runtime/update-record.ts';
import type { updateAnswer } from '../schemas/update-answer.ts';

export function updateView(record: UpdateRecord): z.output<typeof updateAnswer> {
  return {
    ...record,
    times: [...record.times],
    pauses: [...record.pauses],
    checkpoint: record.checkpoint ?? null,
  };
}
