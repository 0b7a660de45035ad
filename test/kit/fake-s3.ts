import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { S3Options } from '../../host/storage/s3-blob-store.ts';

/** What goes wrong with one request. */
export type S3Fault =
  /** Refused with this status; `code` is S3's, without one the body is that of a proxy. */
  | { readonly kind: 'status'; readonly status: number; readonly code?: string }
  /** The connection is cut, before or after the request took effect. */
  | { readonly kind: 'reset'; readonly effect: boolean }
  /** The answer's body stops half-way. */
  | { readonly kind: 'torn' }
  /** One bit of the answer's body is another one. */
  | { readonly kind: 'flipped' }
  /** No answer at all. */
  | { readonly kind: 'silent' };

export interface FakeS3 {
  readonly options: S3Options;
  /** Of every request, faulty ones too: `PUT /bucket/key`. */
  readonly requests: readonly string[];
  readonly objects: Map<string, { body: Buffer; headers: Record<string, string> }>;
  /** Milliseconds by which the server's clock is ahead. */
  skewMs: number;
  /** Hits every request as long as it is there. */
  trouble: S3Fault | undefined;
  /** These faults hit the next requests, one each, in order. */
  inject(...faults: readonly S3Fault[]): void;
  stop(): Promise<void>;
}

const CREDENTIALS = { accessKeyId: 'AKIDFAKE', secretAccessKey: 'fake/secret+key' };
const SKEW_MAX_MS = 15 * 60_000;

/** An S3 server of one bucket on loopback: PUT, GET, ListObjectsV2, DELETE, path-style, every signature checked. */
export async function startFakeS3(
  settings: {
    readonly pageKeys?: number;
    /** Hit every third request, in turn, but none twice in a row. */
    readonly everyThird?: readonly S3Fault[];
  } = {},
): Promise<FakeS3> {
  const faults: S3Fault[] = [];
  const requests: string[] = [];
  const struck = new Set<string>();
  const objects: FakeS3['objects'] = new Map();
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const turn = requests.length / 3;
    const line = `${request.method} ${request.url}`;
    const regular = struck.delete(line)
      ? undefined
      : settings.everyThird?.[turn % settings.everyThird.length];
    if (regular !== undefined) struck.add(line);
    const fault = faults.shift() ?? fake.trouble ?? regular;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (fault?.kind === 'silent') return;
    if (fault?.kind === 'reset' && !fault.effect) return void request.socket.destroy();
    const answer =
      fault?.kind === 'status'
        ? refusal(fault.status, fault.code)
        : answerTo({ request, body, objects, fake, pageKeys: settings.pageKeys ?? 1_000 });
    if (fault?.kind === 'reset') return void request.socket.destroy();
    send(response, answer, fault, fake.skewMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const fake: FakeS3 = {
    options: {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'eu-test-1',
      bucket: 'blobs',
      credentials: CREDENTIALS,
    },
    requests,
    objects,
    skewMs: 0,
    trouble: undefined,
    inject: (...more) => void faults.push(...more),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return fake;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

function send(
  response: ServerResponse,
  answer: Answer,
  fault: S3Fault | undefined,
  skewMs: number,
): void {
  const body = Buffer.from(answer.body);
  if (fault?.kind === 'flipped') body[body.length >> 1] ^= 1;
  response.sendDate = false;
  response.writeHead(answer.status, {
    ...answer.headers,
    date: new Date(Date.now() + skewMs).toUTCString(),
    ...(answer.status === 204 ? {} : { 'content-length': body.length }),
  });
  if (fault?.kind !== 'torn') return void response.end(body);
  response.write(body.subarray(0, body.length >> 1), () => response.socket?.destroy());
}

function refusal(status: number, code?: string): Answer {
  const text = code === undefined ? '<h1>bad gateway</h1>' : `<Error><Code>${code}</Code></Error>`;
  return { status, headers: {}, body: Buffer.from(text) };
}

function answerTo(call: {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly objects: FakeS3['objects'];
  readonly fake: FakeS3;
  readonly pageKeys: number;
}): Answer {
  const { request, body, objects, fake } = call;
  const wrong = checkSignature(request, body, fake.skewMs);
  if (wrong !== undefined) return refusal(403, wrong);
  const url = new URL(request.url ?? '/', fake.options.endpoint);
  const [, bucket, ...parts] = url.pathname.split('/').map(decodeURIComponent);
  const key = parts.join('/');
  if (bucket !== 'blobs') return refusal(404, 'NoSuchBucket');
  if (key === '') return list(url.searchParams, objects, call.pageKeys);
  const object = objects.get(key);
  switch (request.method) {
    case 'PUT': {
      if (request.headers['if-none-match'] === '*' && object !== undefined) {
        return refusal(412, 'PreconditionFailed');
      }
      const etag = `"${createHash('md5').update(body).digest('hex')}"`;
      const kept = Object.entries(request.headers).filter(([name]) =>
        name.startsWith('x-amz-meta-'),
      );
      objects.set(key, { body, headers: { ...(Object.fromEntries(kept) as object), etag } });
      return { status: 200, headers: { etag }, body: Buffer.alloc(0) };
    }
    case 'GET':
      if (object === undefined) return refusal(404, 'NoSuchKey');
      return { status: 200, headers: object.headers, body: object.body };
    case 'DELETE':
      objects.delete(key);
      return { status: 204, headers: {}, body: Buffer.alloc(0) };
    default:
      return refusal(405, 'MethodNotAllowed');
  }
}

function list(query: URLSearchParams, objects: FakeS3['objects'], pageKeys: number): Answer {
  if (query.get('list-type') !== '2') return refusal(400, 'InvalidArgument');
  const after = Buffer.from(query.get('continuation-token') ?? '', 'base64').toString();
  const keys = [...objects.keys()]
    .filter((key) => key.startsWith(query.get('prefix') ?? '') && key > after)
    .sort();
  const page = keys.slice(0, pageKeys);
  const truncated = page.length < keys.length;
  const token = Buffer.from(page.at(-1) ?? '').toString('base64');
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<IsTruncated>${truncated}</IsTruncated>`,
    ...(truncated ? [`<NextContinuationToken>${token}</NextContinuationToken>`] : []),
    ...page.map((key) => `<Contents><Key>${key.replaceAll('&', '&amp;')}</Key></Contents>`),
    '</ListBucketResult>',
  ];
  return { status: 200, headers: {}, body: Buffer.from(xml.join('')) };
}

/** The code of what is wrong with a request's signature, computed from the bytes on the wire alone. */
function checkSignature(
  request: IncomingMessage,
  body: Buffer,
  skewMs: number,
): string | undefined {
  const { headers } = request;
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (found === null) return 'AccessDenied';
  const [, keyId, day, region, signed, signature] = found;
  if (keyId !== CREDENTIALS.accessKeyId) return 'InvalidAccessKeyId';
  if (region !== 'eu-test-1') return 'AuthorizationHeaderMalformed';
  const time = String(headers['x-amz-date']);
  const sentMs = Date.parse(time.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
  const sum = createHash('sha256').update(body).digest('hex');
  if (headers['x-amz-content-sha256'] !== sum) return 'XAmzContentSHA256Mismatch';
  const required = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  if (required.some((name) => !signed.split(';').includes(name))) return 'AccessDenied';
  const [path, query = ''] = (request.url ?? '').split('?');
  const lines = signed.split(';').map((name) => `${name}:${headers[name]}\n`);
  const sorted = query.split('&').sort().join('&');
  const canonical = `${request.method}\n${path}\n${sorted}\n${lines.join('')}\n${signed}\n${sum}`;
  const digest = createHash('sha256').update(canonical).digest('hex');
  const text = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/s3/aws4_request\n${digest}`;
  let key: string | Buffer = `AWS4${CREDENTIALS.secretAccessKey}`;
  for (const step of [day, region, 's3', 'aws4_request', text]) {
    key = createHmac('sha256', key).update(step).digest();
  }
  if (!timingSafeEqual(key as Buffer, Buffer.from(signature, 'hex')))
    return 'SignatureDoesNotMatch';
  return Math.abs(Date.now() + skewMs - sentMs) > SKEW_MAX_MS ? 'RequestTimeTooSkewed' : undefined;
}
