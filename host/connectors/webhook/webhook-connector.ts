import { systemClock } from '../../clock.ts';
import type { Connector } from '../connector.ts';
import { sinkFiles } from '../file/sink-files.ts';
import { postOverHttp } from './post.ts';
import { type WebhookParts, webhookSink } from './webhook-sink.ts';

/** The `webhook` connector; `webhookSink` says what it takes and promises. */
export function createWebhookConnector(parts: WebhookParts): Connector {
  return { name: 'webhook', sink: (options) => webhookSink(options, parts) };
}

/** The `webhook` connector on the real network and file system. */
export const webhookConnector = createWebhookConnector({
  files: sinkFiles,
  clock: systemClock,
  post: postOverHttp,
  random: Math.random,
});
