import { MillraceError } from '../errors.ts';

const PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** Characters of a blob's name; file systems stop at 255 bytes a part and 4096 a path. */
export const BLOB_NAME_CHARS_MAX = 1_024;
const PART_CHARS_MAX = 255;

/** Whether a blob may be called this. */
export function isBlobName(name: string): boolean {
  return (
    name.length <= BLOB_NAME_CHARS_MAX &&
    name.split('/').every((part) => part.length <= PART_CHARS_MAX && PART.test(part))
  );
}

/** Throws `NAME_INVALID` unless `name` is a blob name. */
export function assertBlobName(name: string): void {
  if (isBlobName(name)) return;
  throw new MillraceError(
    'NAME_INVALID',
    `blob name ${JSON.stringify(name.slice(0, 80))} is not allowed`,
    {
      hint: 'parts of letters, digits, ".", "_" and "-", joined by "/", none of which starts with a dot',
    },
  );
}
