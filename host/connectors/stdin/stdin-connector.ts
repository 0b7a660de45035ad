import type { Readable } from 'node:stream';
import { z } from 'zod';
import { createRowDecoder } from '../../abi/create-row-decoder.ts';
import { checkOptions } from '../check-options.ts';
import type { Connector } from '../connector.ts';
import { schemaOfFormat } from '../format-schema.ts';
import type { SourceReader } from '../source.ts';
import { openStandardInput } from './open-standard-input.ts';
import { StdinReader } from './stdin-reader.ts';

const stdinOptions = z.strictObject({
  format: z.enum(['lines', 'json', 'csv']).default('lines'),
});

/** What a task without the one split of standard input reads. */
const NOTHING: SourceReader = {
  poll: () => 'end',
  snapshot: () => [],
  close: async () => {},
};

/**
 * The `stdin` connector: reads the standard input of the process that runs the job, in one task, to its end.
 *
 * - `format`: `lines` (default; one field `text`), `json` (an object a line), `csv`.
 *
 * Offsets: bytes polled so far, for people; the stream cannot go back. End-to-end: *at-most-once*: records read after the last
 * checkpoint are lost when the job restarts.
 *
 *     lines: { connector: stdin, format: json }
 */
export function createStdinConnector(openInput: () => Readable): Connector {
  return {
    name: 'stdin',
    source(options) {
      const checked = checkOptions(stdinOptions, options);
      if (!checked.ok) return checked;
      const { format } = checked.value;
      return {
        ok: true,
        value: {
          schema: schemaOfFormat(format),
          guarantee: 'at-most-once',
          parallelismMax: 1,
          splits: async () => [{ id: 'stdin', spec: null, position: undefined }],
          open: async (splits, context) => {
            if (splits.length === 0) return NOTHING;
            const parts = { input: openInput(), format, createDecoder: createRowDecoder };
            return new StdinReader(splits[0], context, parts);
          },
        },
      };
    },
  };
}

/** The `stdin` connector on the real standard input. */
export const stdinConnector = createStdinConnector(openStandardInput);
