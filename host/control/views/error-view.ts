import type { z } from 'zod';
import type { ErrorReport } from '../../errors.ts';
import type { errorAnswer } from '../schemas/error-answer.ts';

export function errorView(report: ErrorReport): z.output<typeof errorAnswer> {
  const { code, message, details, hint } = report;
  return { code, message, details: [...details], hint };
}
