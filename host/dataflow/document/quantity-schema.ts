import { z } from 'zod';
import { DURATION_MS_MAX, NAME_CHARS_MAX } from '../../limits.ts';
import { isName } from '../../model/name.ts';
import { parseDuration, parseSize } from '../../model/quantity.ts';

/** `500ms`, `10s`, `5m`, `1h`, `1d`; longer than nothing. */
export const durationSchema = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, {
    error: 'expected a duration such as "500ms", "10s", "5m", "1h" or "1d"',
    abort: true,
  })
  .refine((text) => (parseDuration(text) ?? 0) <= DURATION_MS_MAX, {
    error: `a duration is at most ${DURATION_MS_MAX} ms, about 24 days`,
  })
  .meta({ pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$' });

/** As a duration, and nothing at all: `0ms`. */
export const delaySchema = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, {
    error: 'expected a duration such as "0ms", "500ms", "10s" or "5m"',
    abort: true,
  })
  .refine((text) => (parseDuration(text) ?? 0) <= DURATION_MS_MAX, {
    error: `a duration is at most ${DURATION_MS_MAX} ms, about 24 days`,
  })
  .meta({ pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$' });

/** `512B`, `64KiB`, `16MiB`, `1GiB`, between one byte and `bytesMax`. */
export function sizeSchema(bytesMax: number) {
  return z
    .string()
    .refine((text) => (parseSize(text) ?? 0) > 0, {
      error: 'expected a size such as "512B", "64KiB" or "16MiB"',
      abort: true,
    })
    .refine((text) => (parseSize(text) ?? 0) <= bytesMax, {
      error: `at most ${bytesMax / 1024 ** 2}MiB`,
    })
    .meta({ pattern: '^\\d+(\\.\\d+)?(B|KiB|MiB|GiB)$' });
}

/** The name of something the document declares. */
export const nameSchema = z
  .string()
  .refine(isName, {
    error: `a name starts with a letter, goes on with letters, digits, "_" or "-", and has at most ${NAME_CHARS_MAX} characters`,
  })
  .meta({ pattern: '^[A-Za-z][A-Za-z0-9_-]*$', maxLength: NAME_CHARS_MAX });

/** A whole number of `from`…`to`. */
export function countSchema(from: number, to: number) {
  const error = `expected a whole number from ${from} to ${to}`;
  return z.int({ error }).min(from, { error }).max(to, { error });
}
