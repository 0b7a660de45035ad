import { z } from 'zod';
import { ROW_BYTES_MAX } from '../../limits.ts';
import {
  HTTP_AHEAD_BYTES,
  HTTP_AHEAD_BYTES_MAX,
  HTTP_PARTITIONS_MAX,
} from '../../server-limits.ts';
import { checkOptions, sizeOption } from '../check-options.ts';
import type { Checked, ConnectorOptions } from '../connector.ts';

const httpOptions = z.strictObject({
  format: z.enum(['json', 'lines']).default('json'),
  partitions: z
    .int()
    .min(1, 'expected a number from 1 on')
    .max(HTTP_PARTITIONS_MAX, `expected at most ${HTTP_PARTITIONS_MAX}`)
    .default(1),
  aheadMax: sizeOption
    .refine((bytes) => bytes >= ROW_BYTES_MAX, 'expected a size from 4MiB on')
    .refine((bytes) => bytes <= HTTP_AHEAD_BYTES_MAX, 'expected a size up to 64GiB')
    .default(HTTP_AHEAD_BYTES),
});

export type HttpOptions = z.output<typeof httpOptions>;

/** The options of an `http` source. */
export function readHttpOptions(options: ConnectorOptions): Checked<HttpOptions> {
  return checkOptions(httpOptions, options);
}
