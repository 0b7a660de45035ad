import { createHash, randomInt } from 'node:crypto';
import { type Clock, systemClock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { S3_ATTEMPTS, S3_RETRY_MAX_MS, S3_RETRY_MS, S3_TIMEOUT_MS } from '../limits.ts';
import { assertBlobName, isBlobName } from './blob-name.ts';
import type { BlobStore } from './blob-store.ts';
import { blobNotFound } from './memory-blob-store.ts';
import { connectS3, type S3Connection } from './s3-connection.ts';
import {
  codeOf,
  isPassing,
  type S3Answer,
  type S3Attempt,
  s3Refused,
  s3Unanswered,
} from './s3-failed.ts';
import { readListing } from './s3-listing.ts';
import { type S3Credentials, type SignedParts, sha256, signRequest } from './s3-signature.ts';

export interface S3Options {
  /** `https://s3.eu-central-1.amazonaws.com`, `http://127.0.0.1:8000`. Buckets are named in the path, not in the host. */
  readonly endpoint: string;
  readonly region: string;
  /** Must be there already. */
  readonly bucket: string;
  /** A blob name that all keys begin with, so that jobs may share a bucket. */
  readonly prefix?: string;
  readonly credentials: S3Credentials;
  /** Milliseconds without a byte after which a request is given up. */
  readonly timeoutMs?: number;
}

/** The time to wait before a further attempt; handed in so that tests do not wait. */
export interface S3Parts {
  readonly clock?: Clock;
  /** A whole number in [0, max). */
  readonly random?: (max: number) => number;
}

/** Where our own checksum stands beside the object. */
const CHECKSUM_HEADER = 'x-amz-meta-sha256';

/**
 * Blobs as objects of an S3 bucket. An object is there once its PUT was answered, whole, and a list shows it (S3 promises both), which
 * makes B1 to B3 hold.
 *
 * T1  The server checks every byte written: the signature covers the body's SHA-256.
 * T2  Every byte read is checked: length, and the SHA-256 put beside the object. A body that fails is read again, and an
 *     object that keeps failing is `STORAGE_FAILED`, never data.
 * T3  Every request may be repeated (one that creates is known again by its bytes), so what passes (no connection, no answer,
 *     5xx, 429) is tried again, `S3_ATTEMPTS` times with growing pauses. A refusal (403, no bucket) is told at once.
 *
 *     createS3BlobStore({ endpoint: 'http://127.0.0.1:8000', region: 'default', bucket: 'jobs', credentials })
 */
export function createS3BlobStore(options: S3Options, parts: S3Parts = {}): BlobStore {
  return new S3BlobStore(options, parts);
}

class S3BlobStore implements BlobStore {
  readonly #options: S3Options;
  readonly #endpoint: URL;
  readonly #folder: string;
  readonly #connection: S3Connection;
  readonly #clock: Clock;
  readonly #random: (max: number) => number;

  constructor(options: S3Options, { clock = systemClock, random = randomInt }: S3Parts) {
    this.#options = options;
    this.#endpoint = readEndpoint(options.endpoint);
    if (options.prefix !== undefined) assertBlobName(options.prefix);
    this.#folder = options.prefix === undefined ? '' : `${options.prefix}/`;
    this.#connection = connectS3(this.#endpoint, options.timeoutMs ?? S3_TIMEOUT_MS);
    this.#clock = clock;
    this.#random = random;
  }

  async put(name: string, bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    assertBlobName(name);
    const body = bytes instanceof Uint8Array ? [bytes] : bytes;
    const digest = sha256(body);
    const answer = await this.#attempt('write', name, {
      method: 'PUT',
      headers: { [CHECKSUM_HEADER]: digest, 'content-length': String(bytesOf(body)) },
      body,
      digest,
    });
    if (answer.status !== 200) throw this.#refused('write', name, answer);
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    assertBlobName(name);
    const digest = sha256([bytes]);
    const answer = await this.#attempt('create', name, {
      method: 'PUT',
      headers: {
        [CHECKSUM_HEADER]: digest,
        'content-length': String(bytes.length),
        'if-none-match': '*',
      },
      body: [bytes],
      digest,
    });
    if (answer.status === 200) return true;
    if (answer.status !== 412) throw this.#refused('create', name, answer);
    // An answer may have been lost, and the request that was repeated have met what the first one wrote.
    const there = await this.get(name);
    return sha256([there]) === digest;
  }

  async get(name: string): Promise<Uint8Array> {
    assertBlobName(name);
    const answer = await this.#attempt('read', name, { method: 'GET', check: findDamage });
    if (answer.status === 404 && codeOf(answer) !== 'NoSuchBucket') throw blobNotFound(name);
    if (answer.status !== 200) throw this.#refused('read', name, answer);
    return answer.body;
  }

  async list(prefix: string): Promise<readonly string[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (folder !== '' && !isBlobName(folder.slice(0, -1))) return [];
    const names: string[] = [];
    let token: string | undefined;
    do {
      const query: [string, string][] = [
        ['list-type', '2'],
        ['prefix', this.#folder + prefix],
      ];
      if (token !== undefined) query.push(['continuation-token', token]);
      const answer = await this.#attempt('list', prefix, { method: 'GET', query });
      if (answer.status !== 200) throw this.#refused('list', prefix, answer);
      const page = readListing(new TextDecoder().decode(answer.body));
      for (const key of page.keys) {
        const name = key.slice(this.#folder.length);
        if (key.startsWith(this.#folder + prefix) && isBlobName(name)) names.push(name);
      }
      token = page.next;
    } while (token !== undefined);
    return names.sort();
  }

  async delete(name: string): Promise<void> {
    assertBlobName(name);
    const answer = await this.#attempt('delete', name, { method: 'DELETE' });
    const gone = answer.status === 404 && codeOf(answer) !== 'NoSuchBucket';
    if (answer.status !== 204 && answer.status !== 200 && !gone) {
      throw this.#refused('delete', name, answer);
    }
  }

  /** Asks until there is an answer that will not change by itself (T3). */
  async #attempt(action: string, key: string, request: S3Request): Promise<S3Answer> {
    for (let attempt = 1; ; attempt++) {
      const last = attempt === S3_ATTEMPTS;
      try {
        const answer = await this.#exchange(action === 'list' ? '' : key, request);
        const damage = answer.status === 200 ? request.check?.(answer) : undefined;
        if (damage !== undefined) throw new Error(damage);
        if (last || !isPassing(answer)) return answer;
      } catch (cause) {
        if (cause instanceof MillraceError) throw cause;
        if (last) throw s3Unanswered(this.#describe(action, key), cause, attempt);
      }
      await this.#pause(attempt);
    }
  }

  #exchange(key: string, request: S3Request): Promise<S3Answer> {
    const { bucket, region, credentials } = this.#options;
    const { method, query = [], headers = {}, body = [] } = request;
    const parts: SignedParts = {
      method,
      path: key === '' ? `/${bucket}` : `/${bucket}/${this.#folder}${key}`,
      query,
      headers: { ...headers, host: this.#endpoint.host },
      bodySha256: request.digest ?? sha256(body),
    };
    const signed = signRequest(parts, { credentials, region, nowMs: this.#clock.nowMs() });
    return this.#connection.exchange({
      method,
      target: signed.target,
      headers: { ...parts.headers, ...signed.headers },
      body,
    });
  }

  /** Waits between a half and the whole of a time that doubles, so that many tasks do not come back at once. */
  #pause(attempt: number): Promise<void> {
    const wholeMs = Math.min(S3_RETRY_MAX_MS, S3_RETRY_MS * 2 ** (attempt - 1));
    const halfMs = Math.floor(wholeMs / 2);
    return new Promise((resolve) => {
      this.#clock.after(halfMs + this.#random(wholeMs - halfMs + 1), resolve);
    });
  }

  #refused(action: string, key: string, answer: S3Answer): MillraceError {
    return s3Refused(this.#describe(action, key), answer, this.#clock.nowMs());
  }

  #describe(action: string, key: string): S3Attempt {
    const { bucket } = this.#options;
    return { action, endpoint: this.#endpoint.origin, bucket, key: this.#folder + key };
  }
}

interface S3Request {
  readonly method: string;
  readonly query?: SignedParts['query'];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
  /** SHA-256 of the body, where it is known. */
  readonly digest?: string;
  /** Says what is wrong with an answer of status 200. */
  readonly check?: (answer: S3Answer) => string | undefined;
}

/** Why an object's bytes are not those that were written (T2); undefined when they are. */
function findDamage({ headers, body }: S3Answer): string | undefined {
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== body.length) {
    return `the object has ${length} bytes, ${body.length} arrived`;
  }
  const checksum = headers[CHECKSUM_HEADER];
  if (typeof checksum === 'string') {
    return checksum === sha256([body]) ? undefined : 'the bytes do not match their checksum';
  }
  // Put by another program. The ETag is the MD5 unless the object was encrypted or sent in parts.
  const etag = /^"?([0-9a-f]{32})"?$/.exec(String(headers.etag ?? ''))?.[1];
  if (etag === undefined || headers['x-amz-server-side-encryption'] !== undefined) return undefined;
  const isSame = createHash('md5').update(body).digest('hex') === etag;
  return isSame ? undefined : 'the bytes do not match their ETag';
}

function readEndpoint(text: string): URL {
  const url = URL.parse(text);
  const plain = url !== null && url.pathname === '/' && url.search === '' && url.username === '';
  if (plain && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new MillraceError('STORAGE_FAILED', `${JSON.stringify(text)} is no endpoint of S3`, {
    hint: 'write scheme, host and port only, such as "http://127.0.0.1:8000"',
  });
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
