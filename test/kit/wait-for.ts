import type { JobEvent, RunningJob } from '../../host/runtime/running-job.ts';

/** Resolves when an operator has put out at least so many records. */
export async function untilRead(job: RunningJob, operator: string, records: number): Promise<void> {
  for (;;) {
    const { operators } = await job.metrics();
    const found = operators.find((one) => one.id === operator);
    if (found !== undefined && found.recordsOut >= records) return;
    const { state } = await job.status();
    if (state === 'ended')
      throw new Error(`the job ended before "${operator}" had put out ${records}`);
  }
}

/** Resolves with the next event that satisfies `condition`. */
export function nextEvent<Kind extends JobEvent['kind']>(
  job: RunningJob,
  kind: Kind,
  condition: (event: Extract<JobEvent, { kind: Kind }>) => boolean = () => true,
): Promise<Extract<JobEvent, { kind: Kind }>> {
  return new Promise((resolve) => {
    const unsubscribe = job.subscribe((event) => {
      if (event.kind !== kind) return;
      const found = event as Extract<JobEvent, { kind: Kind }>;
      if (!condition(found)) return;
      unsubscribe();
      resolve(found);
    });
  });
}
