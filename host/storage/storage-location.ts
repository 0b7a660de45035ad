import { MillraceError } from '../errors.ts';
import { isBlobName } from './blob-name.ts';
import type { S3Credentials } from './s3-signature.ts';

/** Where the checkpoints of a job are, when they are not in its directory. Plain data without a secret. */
export interface StorageLocation {
  readonly kind: 's3';
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** A blob name, or empty. */
  readonly prefix: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What of the environment a process needs that reads or writes checkpoints in S3. */
const S3_ENVIRONMENT = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'NODE_EXTRA_CA_CERTS',
] as const;

/** That part of an environment. */
export function s3Environment(environment: Environment): Readonly<Record<string, string>> {
  const known = S3_ENVIRONMENT.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(known);
}

const REGION_DEFAULT = 'us-east-1';
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * Reads `s3://bucket/prefix?endpoint=http://127.0.0.1:8000&region=default`. What the text does not say comes from `AWS_ENDPOINT_URL_S3`,
 * `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_DEFAULT_REGION`. Buckets are named in the path. Throws `USAGE`; also when there are no
 * credentials in the environment, for they are nowhere else.
 */
export function readStorageLocation(text: string, environment: Environment): StorageLocation {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 's3:' || !BUCKET.test(url.hostname)) {
    throw wrong(text, 'is no place in S3', 'write s3://BUCKET/PREFIX');
  }
  if (url.username !== '' || url.password !== '') {
    // The text itself is not told: it holds a secret.
    throw wrong('s3://…', 'must not hold credentials', CREDENTIALS_HINT);
  }
  const unknown = [...url.searchParams.keys()].find((key) => !['endpoint', 'region'].includes(key));
  if (unknown !== undefined) {
    throw wrong(text, `has the option "${unknown}"`, 'there are "endpoint" and "region"');
  }
  const prefix = decodeURIComponent(url.pathname).replace(/^\/|\/$/g, '');
  if (prefix !== '' && !isBlobName(prefix)) {
    throw wrong(
      text,
      'has a prefix that is not allowed',
      'parts of letters, digits, ".", "_" and "-", joined by "/"',
    );
  }
  readS3Credentials(environment);
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = environment;
  const region =
    url.searchParams.get('region') ?? AWS_REGION ?? AWS_DEFAULT_REGION ?? REGION_DEFAULT;
  const endpoint =
    url.searchParams.get('endpoint') ??
    AWS_ENDPOINT_URL_S3 ??
    AWS_ENDPOINT_URL ??
    `https://s3.${region}.amazonaws.com`;
  return { kind: 's3', endpoint, region, bucket: url.hostname, prefix };
}

const CREDENTIALS_HINT = 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment';

/** The credentials of the environment. Throws `USAGE`. */
export function readS3Credentials(environment: Environment): S3Credentials {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new MillraceError('USAGE', 'there are no credentials for S3', { hint: CREDENTIALS_HINT });
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
  };
}

/** For people: `s3://bucket/prefix at https://…`. */
export function describeLocation({ bucket, prefix, endpoint }: StorageLocation): string {
  return `s3://${bucket}${prefix === '' ? '' : `/${prefix}`} at ${endpoint}`;
}

function wrong(text: string, what: string, hint: string): MillraceError {
  return new MillraceError('USAGE', `${JSON.stringify(text)} ${what}`, { hint });
}
