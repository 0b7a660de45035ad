import { MillraceError } from '../errors.ts';

/** One answer to ListObjectsV2. */
export interface S3Listing {
  readonly keys: readonly string[];
  /** Where the next answer goes on; undefined = this was the last. */
  readonly next: string | undefined;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

/** Reads a listing. Throws `STORAGE_FAILED` when the text is none. */
export function readListing(xml: string): S3Listing {
  const isWhole = xml.includes('<ListBucketResult') && xml.includes('</ListBucketResult>');
  const truncated = readElement(xml, 'IsTruncated') === 'true';
  const next = readElement(xml, 'NextContinuationToken');
  if (!isWhole || (truncated && (next === undefined || next === ''))) {
    throw new MillraceError('STORAGE_FAILED', 'the server answered a list with something else', {
      hint: 'check that the endpoint is one of S3, and not of a proxy or a web console',
    });
  }
  const keys = [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => decodeEntities(match[1]));
  return { keys, next: truncated ? next : undefined };
}

/** The text of the first element of that name. */
export function readElement(xml: string, name: string): string | undefined {
  const match = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml);
  return match === null ? undefined : decodeEntities(match[1]);
}

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(\w{2,4}));/g, (whole, ...found) => {
    const [decimal, hex, name] = found as (string | undefined)[];
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
