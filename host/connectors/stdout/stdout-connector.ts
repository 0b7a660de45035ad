import type { Writable } from 'node:stream';
import { z } from 'zod';
import { createRowEncoder } from '../../abi/create-row-encoder.ts';
import { checkOptions } from '../check-options.ts';
import type { Connector } from '../connector.ts';
import { StdoutWriter } from './stdout-writer.ts';

const stdoutOptions = z.strictObject({
  format: z.enum(['json', 'lines', 'csv']).default('json'),
});

/**
 * The `stdout` connector: writes records to the standard output of the process that runs the job, as they come.
 *
 * - `format`: `json` (default; an object a line), `lines`, `csv`.
 *
 * End-to-end: *at-least-once*: a completed checkpoint means that its records are out; those written after it are written again
 * when the job restarts. When the reader goes away the job fails with `SINK_UNAVAILABLE`.
 *
 *     out: { from: counts, connector: stdout }
 */
export function createStdoutConnector(outputStream: () => Writable): Connector {
  return {
    name: 'stdout',
    sink(options) {
      const checked = checkOptions(stdoutOptions, options);
      if (!checked.ok) return checked;
      const { format } = checked.value;
      return {
        ok: true,
        value: {
          guarantee: 'at-least-once',
          parallelismMax: 1,
          recover: async () => {},
          open: async (context) =>
            new StdoutWriter(outputStream(), createRowEncoder(format, context.schema), context),
        },
      };
    },
  };
}

/** The `stdout` connector on the real standard output. */
export const stdoutConnector = createStdoutConnector(() => process.stdout);
