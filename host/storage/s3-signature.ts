import { createHash, createHmac } from 'node:crypto';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that expire. */
  readonly sessionToken?: string;
}

/** A request as it is signed. */
export interface SignedParts {
  readonly method: string;
  /** The path before it is escaped: `/bucket/checkpoints/1/a.bin`. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Every header that is signed, `host` among them; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body, in hex. */
  readonly bodySha256: string;
}

/** What goes on the wire beside the caller's headers. */
export interface Signature {
  /** Escaped path and query, exactly as they were signed. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * Signs a request as S3 wants it (Signature Version 4, the whole payload signed).
 *
 *     key       = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), "s3"), "aws4_request")
 *     signature = HMAC(key, algorithm \n time \n scope \n SHA256(canonical request))
 */
export function signRequest(
  parts: SignedParts,
  signer: { readonly credentials: S3Credentials; readonly region: string; readonly nowMs: number },
): Signature {
  const { credentials, region, nowMs } = signer;
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const added: Record<string, string> = {
    'x-amz-content-sha256': parts.bodySha256,
    'x-amz-date': time,
  };
  if (credentials.sessionToken !== undefined) {
    added['x-amz-security-token'] = credentials.sessionToken;
  }
  const headers: Readonly<Record<string, string>> = { ...parts.headers, ...added };
  const names = Object.keys(headers).sort();
  const path = parts.path.split('/').map(escapeText).join('/');
  const query = parts.query
    .map(([name, value]) => `${escapeText(name)}=${escapeText(value)}`)
    .sort()
    .join('&');
  const canonical = [
    parts.method,
    path,
    query,
    ...names.map((name) => `${name}:${headers[name].trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    parts.bodySha256,
  ].join('\n');
  const text = [ALGORITHM, time, scope, sha256([Buffer.from(canonical)])].join('\n');
  let key: Buffer = Buffer.from(`AWS4${credentials.secretAccessKey}`);
  for (const step of scope.split('/')) key = hmac(key, step);
  const signature = hmac(key, text).toString('hex');
  return {
    target: query === '' ? path : `${path}?${query}`,
    headers: {
      ...added,
      authorization: `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope},SignedHeaders=${names.join(';')},Signature=${signature}`,
    },
  };
}

/** SHA-256 of the parts one behind the other, in hex. */
export function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** All but letters, digits and `-._~`, byte by byte; `encodeURIComponent` leaves five more as they are. */
function escapeText(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
