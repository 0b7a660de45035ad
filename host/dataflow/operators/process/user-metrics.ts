import type { MetricDescription } from '../../../model/process-description.ts';
import type { UserMetric } from '../../operator.ts';

export function newUserMetrics(metrics: readonly MetricDescription[]): UserMetric[] {
  return metrics.map(({ name, kind }) => ({
    name,
    kind,
    value: kind === 'counter' ? 0 : Number.NaN,
  }));
}

/** Takes over what a call handed back: counters grow, gauges are set unless the call left them. */
export function addUserMetrics(metrics: readonly UserMetric[], call: Float64Array): void {
  for (let i = 0; i < metrics.length; i++) {
    if (metrics[i].kind === 'counter') metrics[i].value += call[i];
    else if (!Number.isNaN(call[i])) metrics[i].value = call[i];
  }
}
