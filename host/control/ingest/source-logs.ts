import { createHash } from 'node:crypto';
import { type HttpOptions, readHttpOptions } from '../../connectors/http/http-options.ts';
import type { IngestLog } from '../../connectors/http/ingest-log.ts';
import { BODY_DIGEST_BYTES, KEY_DIGEST_BYTES } from '../../connectors/http/log-batch.ts';
import { isPosition } from '../../connectors/http/log-directory.ts';
import type { Split } from '../../connectors/source.ts';
import type { SourceSpec } from '../../dataflow/plan.ts';
import { MillraceError } from '../../errors.ts';
import {
  HTTP_LOG_TIMES_AHEAD,
  HTTP_PENDING_BYTES_MAX,
  HTTP_SEGMENT_BYTES,
} from '../../server-limits.ts';
import { decodeRecords } from './decode-records.ts';
import type { IngestAnswer, IngestRequest } from './ingest.ts';

/** How long an answer to where the job has read to is good for. */
const READ_POSITION_LIFE_MS = 50;

/** One `http` source of a job with the logs of its partitions. */
export class SourceLogs {
  readonly spec: SourceSpec;
  readonly #options: HttpOptions;
  readonly #logs: readonly IngestLog[];
  readonly #read: { position: number; askedMs: number }[];
  #next = 0;

  constructor(spec: SourceSpec, logs: readonly IngestLog[]) {
    this.spec = spec;
    this.#options = optionsOf(spec);
    this.#logs = logs;
    this.#read = logs.map(() => ({ position: 0, askedMs: Number.NEGATIVE_INFINITY }));
  }

  async append(request: IngestRequest): Promise<IngestAnswer> {
    const { body, idempotencyKey } = request;
    const key = idempotencyKey === undefined ? '' : digest(idempotencyKey, KEY_DIGEST_BYTES);
    const partition = key === '' ? this.#turn() : partitionOf(key, this.#logs.length);
    const log = this.#logs[partition];
    await this.#assertNotAhead(partition, body.length);
    const { format } = this.#options;
    const { schema } = this.spec;
    const { bytes, count } = await decodeRecords({ body, format, schema, yieldTurn });
    const entry = { rows: bytes, count, key, body: digest(body, BODY_DIGEST_BYTES) };
    // A request without records is acknowledged like any other; there is nothing to keep, and no key to remember.
    if (count === 0) return { records: 0, partition, position: log.end, repeated: false };
    const { position, count: records, repeated } = await log.append(entry);
    return { records, partition, position, repeated };
  }

  async finish(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.finish()));
  }

  /** Whether there can be a file to remove. */
  get trimmable(): boolean {
    return this.#logs.some((log) => log.end - log.start >= HTTP_SEGMENT_BYTES);
  }

  /** Removes what lies before these positions, which a checkpoint of `job` holds. */
  async trim(job: string, splits: readonly Split[]): Promise<void> {
    for (const [partition, log] of this.#logs.entries()) {
      const split = splits.find(({ id }) => id === `partition-${partition}`);
      const position = split?.position as { readonly job?: unknown; readonly at?: unknown } | null;
      if (position?.job === job && isPosition(position.at)) await log.trim(position.at);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.close()));
  }

  #turn(): number {
    this.#next = (this.#next + 1) % this.#logs.length;
    return this.#next;
  }

  async #assertNotAhead(partition: number, bytes: number): Promise<void> {
    const log = this.#logs[partition];
    const { aheadMax } = this.#options;
    const ahead = log.end - (await this.#readPosition(partition)) + log.pendingBytes;
    if (ahead + bytes > aheadMax)
      throw behind(this.spec.id, `${ahead} bytes behind, limit ${aheadMax}`);
    if (log.pendingBytes + bytes > HTTP_PENDING_BYTES_MAX) {
      throw behind(this.spec.id, `${log.pendingBytes} bytes wait for the disk`);
    }
    const kept = log.end - log.start;
    if (kept + bytes <= aheadMax * HTTP_LOG_TIMES_AHEAD) return;
    throw behind(this.spec.id, `${kept} bytes wait for a checkpoint that covers them`);
  }

  async #readPosition(partition: number): Promise<number> {
    const read = this.#read[partition];
    const nowMs = performance.now();
    if (nowMs - read.askedMs > READ_POSITION_LIFE_MS) {
      read.askedMs = nowMs;
      read.position = await this.#logs[partition].readPosition();
    }
    return read.position;
  }
}

/** The options of an `http` source of a plan, which were checked when it was planned. */
export function optionsOf(spec: SourceSpec): HttpOptions {
  const checked = readHttpOptions(spec.options);
  if (checked.ok) return checked.value;
  throw new MillraceError('CONNECTOR_OPTION', `source "${spec.id}" has wrong options`);
}

function partitionOf(key: string, partitions: number): number {
  return Number.parseInt(key.slice(0, 8), 16) % partitions;
}

function digest(text: string | Uint8Array, bytes: number): string {
  return createHash('sha256').update(text).digest().toString('hex', 0, bytes);
}

function behind(source: string, reason: string): MillraceError {
  return new MillraceError(
    'SOURCE_BEHIND',
    `source "${source}" takes no more records now: ${reason}`,
    {
      hint: 'nothing was stored; send the request again after the seconds in Retry-After',
    },
  );
}

const yieldTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
