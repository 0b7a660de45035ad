import { z } from 'zod';
import { parseDuration, parseSize } from '../model/quantity.ts';
import type { Checked, ConnectorOptions, OptionFinding } from './connector.ts';

/**
 * Checks a connector's options against a strict zod object. All findings at once, each with its path;
 * an unknown key is a finding at that key.
 *
 *     const checked = checkOptions(z.strictObject({ path: z.string() }), { path: 'a.txt' });
 */
export function checkOptions<T>(schema: z.ZodType<T>, options: ConnectorOptions): Checked<T> {
  const parsed = schema.safeParse(options, { reportInput: true });
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, findings: parsed.error.issues.flatMap(findingsOf) };
}

/** A size in bytes: `16MiB`, or a plain number of bytes. */
export const sizeOption = quantityOption(parseSize, 'a size such as "64KiB" or "16MiB"');

/** A duration in milliseconds: `500ms`, `10s`, or a plain number of milliseconds. */
export const durationOption = quantityOption(parseDuration, 'a duration such as "500ms" or "10s"');

/** The error of a zod schema whose own message would not say what is wanted. */
export function expected(what: string): { error: (issue: { input?: unknown }) => string } {
  return {
    error: ({ input }) => (input === undefined ? `missing, expected ${what}` : `expected ${what}`),
  };
}

function quantityOption(parse: (text: string) => number | undefined, what: string) {
  const written = z.union([z.string(), z.number()], expected(what));
  return written.transform((value, context) => {
    const amount = typeof value === 'number' ? value : parse(value);
    if (amount !== undefined && Number.isSafeInteger(amount) && amount >= 0) return amount;
    context.addIssue({ code: 'custom', message: `expected ${what}, got ${quote(value)}` });
    return z.NEVER;
  });
}

function findingsOf(issue: z.core.$ZodIssue): OptionFinding[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `there is no option ${quote(key)}`,
    }));
  }
  if (issue.code === 'invalid_type' && issue.input === undefined) {
    return [{ path, message: `missing, expected ${issue.expected}` }];
  }
  return [{ path, message: lowerFirst(issue.message).replace(/^invalid input: /, '') }];
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function quote(value: string | number): string {
  return JSON.stringify(value);
}
