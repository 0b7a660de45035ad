import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { MillraceError } from '../errors.ts';
import { S3_BODY_BYTES_MAX } from '../limits.ts';
import type { S3Answer } from './s3-failed.ts';

export interface S3WireRequest {
  readonly method: string;
  /** Escaped path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
}

/** Requests to one endpoint over connections that are kept. */
export interface S3Connection {
  /** One request, one answer, whole; rejects when the connection breaks, stalls or ends early. */
  exchange(request: S3WireRequest): Promise<S3Answer>;
}

const SOCKETS_MAX = 16;

/** Talks HTTP or HTTPS, as the URL says. A connection without a byte for `timeoutMs` is given up. */
export function connectS3(endpoint: URL, timeoutMs: number): S3Connection {
  const secure = endpoint.protocol === 'https:';
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS_MAX })
    : new HttpAgent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  const open = secure ? httpsRequest : httpRequest;
  return {
    exchange({ method, target, headers, body }) {
      return new Promise((resolve, reject) => {
        const request = open(endpoint, { method, path: target, headers, agent });
        request.setTimeout(timeoutMs, () => request.destroy(stalled(timeoutMs)));
        request.on('error', reject);
        receive(request).then(resolve, reject);
        for (const part of body) if (part.length > 0) request.write(part);
        request.end();
      });
    },
  };
}

function receive(request: ClientRequest): Promise<S3Answer> {
  return new Promise((resolve, reject) => {
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > S3_BODY_BYTES_MAX) response.destroy(tooLarge());
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: new Uint8Array(Buffer.concat(chunks, bytes)),
        });
      });
    });
  });
}

function stalled(timeoutMs: number): Error {
  return Object.assign(new Error(`no byte for ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
}

function tooLarge(): MillraceError {
  return new MillraceError(
    'STORAGE_FAILED',
    `the server sends more than ${S3_BODY_BYTES_MAX} bytes`,
    { hint: 'no blob is that large; check that the endpoint is one of S3' },
  );
}
