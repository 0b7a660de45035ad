import type { Pipeline } from '../../host/dataflow/pipeline.ts';

export interface EventPipelineOptions {
  readonly events: number;
  /** Events a second; as fast as they are taken unless given. */
  readonly rate?: number;
  /** Records after which each reader waits for `JobBench.openGate`, so that the job does not end before. */
  readonly hold?: number;
  readonly checkpoint?: Pipeline['checkpoint'];
}

/** Events numbered from 0 → `stamp`, which writes its version into each → memory sink `out`. */
export function eventPipeline(options: EventPipelineOptions): Omit<Pipeline, 'name'> {
  const { events, rate, hold, checkpoint } = options;
  return {
    checkpoint: checkpoint ?? { every: 'off' },
    sources: {
      events: {
        connector: hold === undefined ? 'generator' : 'gated',
        ...(hold === undefined ? {} : { hold }),
        count: events,
        splits: 4,
        ...(rate === undefined ? {} : { rate }),
        fields: { id: { sequence: {} }, version: { choice: ['none'] } },
      },
    },
    steps: { stamped: { map: 'text.stamp', from: 'events' } },
    sinks: { out: { from: 'stamped', connector: 'memory' } },
  };
}
