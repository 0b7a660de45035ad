import { MillraceError } from '../errors.ts';
import { readElement } from './s3-listing.ts';
import { errnoOf } from './storage-failed.ts';

/** An answer of the server, whole. */
export interface S3Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** What is being attempted, for messages. */
export interface S3Attempt {
  /** `read`, `write`, `list`, `delete`. */
  readonly action: string;
  readonly endpoint: string;
  readonly bucket: string;
  /** Key of the object, or prefix of a list. */
  readonly key: string;
}

const CONNECTION_HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start the server or mend the endpoint',
  ENOTFOUND: 'the name of the endpoint is not known; mend it, or the resolver',
  EAI_AGAIN: 'the resolver does not answer; look at the network',
  ECONNRESET: 'the server or something on the way closes the connection; look at its log',
  EHOSTUNREACH: 'there is no way to the host; look at the network',
  ENETUNREACH: 'there is no way to the network; look at the network',
  ETIMEDOUT:
    'the server is too slow or cannot be reached; raise the timeout or look at the network',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed; add it to NODE_EXTRA_CA_CERTS',
  CERT_HAS_EXPIRED: 'the certificate of the server has expired; renew it',
};

const ANSWER_HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'create the bucket or mend its name; it is never created here',
  InvalidAccessKeyId: 'the server does not know the access key; mend "accessKeyId"',
  SignatureDoesNotMatch: 'the secret key is wrong, or a proxy changes the requests',
  AccessDenied: 'the key needs the right to get, put, list and delete objects of the bucket',
  ExpiredToken: 'the session token has expired; start the job with a new one',
  QuotaExceeded: 'the quota of the bucket or user is used up; raise it or free some room',
  EntityTooLarge: 'the server takes no object of this size; raise its limit',
  AuthorizationHeaderMalformed: 'the bucket is in another region; mend "region"',
};

/** Whether the same request may go through a moment later. */
export function isPassing(answer: S3Answer): boolean {
  if (answer.status >= 500 || answer.status === 429) return true;
  if (answer.status === 409) return codeOf(answer) === 'ConditionalRequestConflict';
  return answer.status === 400 && codeOf(answer) === 'RequestTimeout';
}

/** The error code of the answer: `NoSuchKey`; an empty text when there is none. */
export function codeOf({ body }: S3Answer): string {
  return readElement(new TextDecoder().decode(body.subarray(0, 64 * 1024)), 'Code') ?? '';
}

/** `STORAGE_FAILED` for a request that was answered with a refusal. */
export function s3Refused(attempt: S3Attempt, answer: S3Answer, nowMs: number): MillraceError {
  const code = codeOf(answer);
  const reason = code === '' ? `status ${answer.status}` : `status ${answer.status}, ${code}`;
  return new MillraceError('STORAGE_FAILED', `${describe(attempt)}: ${reason}`, {
    hint: hintOf(answer, code, nowMs),
  });
}

/** `STORAGE_FAILED` for a request that got no answer, or none that holds together. */
export function s3Unanswered(attempt: S3Attempt, cause: unknown, attempts: number): MillraceError {
  const errno = errnoOf(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  const reason = errno === '' ? message : errno;
  return new MillraceError(
    'STORAGE_FAILED',
    `${describe(attempt)}: ${reason} (tried ${attempts} times)`,
    { cause, hint: CONNECTION_HINTS[errno] ?? 'see the cause in the log' },
  );
}

function describe({ action, key, bucket, endpoint }: S3Attempt): string {
  return `cannot ${action} ${JSON.stringify(key)} in bucket ${JSON.stringify(bucket)} at ${endpoint}`;
}

function hintOf(answer: S3Answer, code: string, nowMs: number): string {
  if (code === 'RequestTimeTooSkewed') return skewHint(answer, nowMs);
  const known = ANSWER_HINTS[code];
  if (known !== undefined) return known;
  if (answer.status === 401 || answer.status === 403) return ANSWER_HINTS.AccessDenied;
  if (answer.status >= 300 && answer.status < 400) {
    return 'the bucket is served elsewhere; mend "endpoint" and "region"';
  }
  if (isPassing(answer)) return 'the server is in trouble; the next attempt may go through';
  return 'look at the log of the server';
}

function skewHint({ headers }: S3Answer, nowMs: number): string {
  const serverMs = Date.parse(String(headers.date ?? ''));
  const advice = 'set the clock of this machine, or that of the server';
  if (Number.isNaN(serverMs)) return advice;
  const seconds = Math.round((nowMs - serverMs) / 1_000);
  const side = seconds < 0 ? 'behind' : 'ahead of';
  return `the clock of this machine is ${Math.abs(seconds)} s ${side} the server's; ${advice}`;
}
