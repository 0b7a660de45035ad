import type { z } from 'zod';
import type { JobMetrics } from '../../runtime/job-metrics.ts';
import type { metricsAnswer } from '../schemas/metrics-answer.ts';

export function metricsView(metrics: JobMetrics): z.output<typeof metricsAnswer> {
  return {
    ...metrics,
    operators: metrics.operators.map((operator) => ({
      ...operator,
      version: operator.version ?? null,
      watermarkMs: operator.watermarkMs ?? null,
      currentWatermark: operator.watermarkMs ?? null,
      lagBytes: operator.lagBytes ?? null,
      userMetrics: operator.userMetrics.map((metric) => ({ ...metric })),
    })),
  };
}
