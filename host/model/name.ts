import { MillraceError } from '../errors.ts';
import { NAME_CHARS_MAX } from '../limits.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** Whether a module, job or operator may be called this: a letter, then letters, digits, `_`, `-`. */
export function isName(text: string): boolean {
  return text.length <= NAME_CHARS_MAX && NAME.test(text);
}

/** Throws `NAME_INVALID` unless `text` is a name; `what` says what it names. */
export function assertName(what: string, text: string): void {
  if (isName(text)) return;
  throw new MillraceError(
    'NAME_INVALID',
    `${what} name ${JSON.stringify(text.slice(0, 80))} is not allowed`,
    {
      hint: `a name starts with a letter, goes on with letters, digits, "_" or "-", and has at most ${NAME_CHARS_MAX} characters`,
    },
  );
}
