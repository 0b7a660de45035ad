import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { MillraceError } from '../../errors.ts';
import { WEBHOOK_START_TIMEOUT_MS } from '../../limits.ts';
import { checkOptions, durationOption, expected, sizeOption } from '../check-options.ts';
import type { Checked, ConnectorOptions } from '../connector.ts';
import { type FileSinkParts, fileSink } from '../file/file-sink.ts';
import type { Sink, SinkContext } from '../sink.ts';
import { Delivery, type DeliveryParts, type Receiver } from './delivery.ts';
import { partsOf, Spool, unwrapTransaction } from './spool.ts';
import { keyOf, WebhookWriter } from './webhook-writer.ts';

const BATCH_BYTES_DEFAULT = 256 * 1024;
const TIMEOUT_MS_DEFAULT = 10_000;

const URL_WANTED = 'a URL such as "https://host/path"';
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

const sinkOptions = z.strictObject({
  url: z.string(expected(URL_WANTED)).refine(isHttpUrl, `expected ${URL_WANTED}`),
  headers: z
    .record(
      z.string().regex(TOKEN, 'expected the name of a header'),
      z.string().regex(/^[\x20-\x7e\x80-\xff]*$/, 'expected a text of one line'),
    )
    .refine((headers) => !Object.keys(headers).some((name) => /^idempotency-key$/i.test(name)), {
      message: '"Idempotency-Key" is set by the sink',
    })
    .default({}),
  tokenFile: z.string().min(1, 'expected a path, got an empty text').optional(),
  timeout: durationOption
    .refine((ms) => ms > 0, 'expected a duration above 0')
    .default(TIMEOUT_MS_DEFAULT),
  batchBytes: sizeOption
    .refine((bytes) => bytes > 0, 'expected a size above 0')
    .default(BATCH_BYTES_DEFAULT),
  spool: z.string().min(1, 'expected a directory, got an empty text').default('webhook-spool'),
  idempotent: z.boolean().default(false),
});

export interface WebhookParts extends FileSinkParts, DeliveryParts {}

/**
 * The `webhook` sink: POSTs records as lines of JSON (`application/x-ndjson`), in step with the job's checkpoints.
 *
 * - `url`: where to. Redirects are not followed.
 * - `headers`: further headers. `tokenFile`: a file with a token for `Authorization: Bearer`, relative to the pipeline's directory.
 * - `timeout`: how long an answer may take, 10 s unless given.
 * - `batchBytes`: a body ends with the batch that makes it so long, 256 KiB unless given.
 * - `spool`: a directory for bodies that wait, relative to the pipeline's directory. They are files, and not part of the checkpoint,
 *   because a checkpoint may hold any amount of output, and the memory of a task does not. The files must outlive the
 *   process: where a job is to move to another machine, the directory moves with it.
 * - `idempotent`: whether the receiver honours `Idempotency-Key`.
 *
 * Every request carries an `Idempotency-Key` of job, sink, task, checkpoint and part, the same whenever the body is sent again. 2xx accepts;
 * 5xx, 408, 409, 425, 429 and no answer are tried again without end, with growing pauses or after `Retry-After`, while the task is held
 * back; any other status stops the job, which sends the body again when it is restarted.
 *
 * End-to-end: *exactly-once* where the receiver takes a key once (`idempotent: true` says so); *at-least-once* otherwise.
 *
 *     out: { from: alerts, connector: webhook, url: "https://host/alerts", tokenFile: secrets/token, idempotent: true }
 */
export function webhookSink(options: ConnectorOptions, parts: WebhookParts): Checked<Sink> {
  const checked = checkOptions(sinkOptions, options);
  if (!checked.ok) return checked;
  const { spool: directory, batchBytes, idempotent } = checked.value;
  const fileSinkAt = (spool: Spool) => {
    const made = fileSink({ path: spool.path, format: 'json', rollBytes: batchBytes }, parts);
    if (!made.ok) throw new Error(JSON.stringify(made.findings));
    return made.value;
  };
  return {
    ok: true,
    value: {
      guarantee: idempotent ? 'exactly-once' : 'at-least-once',
      async recover(context, transactions) {
        const receiver = await receiverOf(checked.value, context);
        const spool = new Spool(context, directory);
        const known = transactions.map((one) => unwrapTransaction(context.id, one));
        await fileSinkAt(spool).recover(
          context,
          known.map(({ file }) => file),
        );
        const delivery = new Delivery(context.id, receiver, parts);
        for (const transaction of known) {
          for (const part of partsOf(context.id, transaction)) {
            const body = await spool.read(part);
            if (body.length === 0) continue;
            const key = keyOf(context.job, transaction.run, part);
            await delivery.send(key, body, WEBHOOK_START_TIMEOUT_MS);
            await spool.accepted(part);
          }
        }
        await spool.keepOnly(new Set(known.flatMap((one) => partsOf(context.id, one))));
      },
      async open(context) {
        const receiver = await receiverOf(checked.value, context);
        const spool = new Spool(context, directory);
        return new WebhookWriter({
          context,
          spool,
          file: await fileSinkAt(spool).open(context),
          delivery: new Delivery(context.id, receiver, parts),
        });
      },
    },
  };
}

async function receiverOf(
  options: z.infer<typeof sinkOptions>,
  context: Pick<SinkContext, 'id' | 'baseDirectory' | 'outbound'>,
): Promise<Receiver> {
  const { id, baseDirectory, outbound } = context;
  const { url, headers, tokenFile, timeout } = options;
  const receiver = { url, headers, timeoutMs: timeout, outbound };
  if (tokenFile === undefined) return receiver;
  const path = resolve(baseDirectory, tokenFile);
  try {
    const token = (await readFile(path, 'utf8')).trim();
    return { ...receiver, headers: { ...headers, authorization: `Bearer ${token}` } };
  } catch (cause) {
    const text = `sink "${id}" cannot read its token from "${path}"`;
    const hint = 'the file must hold the token and be readable for the job';
    throw new MillraceError('SINK_UNAVAILABLE', text, { hint, cause });
  }
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'http:' || url.protocol === 'https:';
}
