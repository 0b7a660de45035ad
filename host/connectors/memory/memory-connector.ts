import { z } from 'zod';
import { checkOptions } from '../check-options.ts';
import type { Connector } from '../connector.ts';
import type { Sink } from '../sink.ts';
import { readRuns, toBatch } from './memory-run.ts';
import { MemoryWriter } from './memory-writer.ts';

const memoryOptions = z.strictObject({});

/**
 * The `memory` connector: hands committed records to the process that embeds the job, for `runPipeline` and tests; on a server,
 * to a log that is followed over HTTP (`GET /v1/jobs/{id}/sinks/{sink}/records`). It has no options.
 *
 * End-to-end: *exactly-once* into that process: records are delivered when their checkpoint is complete, and once more after a
 * restart under the same key, which the receiver drops. Rows between two checkpoints stand in memory and in the checkpoint's manifest,
 * so it is for outputs that fit there.
 *
 *     out: { from: counts, connector: memory }
 */
export const memoryConnector: Connector = {
  name: 'memory',
  sink(options) {
    const checked = checkOptions(memoryOptions, options);
    return checked.ok ? { ok: true, value: memorySink } : checked;
  },
};

const memorySink: Sink = {
  guarantee: 'exactly-once',
  async recover(context, transactions) {
    for (const transaction of transactions) {
      for (const run of readRuns(context.id, transaction)) context.deliver(toBatch(run), run.key);
    }
  },
  open: async (context) => new MemoryWriter(context),
};
