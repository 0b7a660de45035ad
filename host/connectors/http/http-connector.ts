import { systemClock } from '../../clock.ts';
import type { Connector } from '../connector.ts';
import { schemaOfFormat } from '../format-schema.ts';
import { httpLookup } from '../lookup/http-lookup.ts';
import { readHttpOptions } from './http-options.ts';
import { HttpReader } from './http-reader.ts';

/**
 * The `http` connector: a source that takes records by `POST /v1/jobs/{id}/sources/{source}/records`. The server keeps them in
 * a log below the job's directory; the job follows the log. Only jobs of a server can have it.
 *
 * - `format`: `json` (default; an object a line) or `lines` (one field `text`).
 * - `partitions`: logs that are written and read side by side, 1 unless given. A request goes into one of them as a whole, those with an
 *   `Idempotency-Key` always into the same one; order holds within a partition.
 * - `aheadMax`: bytes that a log may be ahead of the job, 256 MiB unless given. Beyond, requests are answered 429.
 *
 * A request is acknowledged when its records are durable, all or none of them. It may carry an `Idempotency-Key`: sent again with it, it is
 * acknowledged again and stored once. Each partition remembers its latest 100,000 keys for up to 24 hours. The source ends when its input is ended
 * (`POST …/sources/{source}/end`).
 *
 * Offsets: positions in the logs. End-to-end: *replayable*: after a restart exactly the records behind the checkpoint are read again, so the job
 * is exactly-once with respect to what was acknowledged, and exactly-once from the sender on if it sends keys and repeats what was not acknowledged.
 * Files of a log are removed when no retained checkpoint needs them. A job that begins with a savepoint has a log of its own, which is empty.
 *
 *     clicks: { connector: http, format: json }
 */
export const httpConnector: Connector = {
  name: 'http',
  lookup: (options) => httpLookup(options),
  source(options) {
    const checked = readHttpOptions(options);
    if (!checked.ok) return checked;
    const { format, partitions } = checked.value;
    return {
      ok: true,
      value: {
        schema: schemaOfFormat(format),
        guarantee: 'replayable',
        splits: async () =>
          Array.from({ length: partitions }, (_, partition) => ({
            id: `partition-${partition}`,
            spec: { partition },
            position: undefined,
          })),
        open: async (splits, context) => new HttpReader(splits, context, systemClock),
      },
    };
  },
};
