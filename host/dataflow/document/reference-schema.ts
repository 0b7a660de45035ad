import { z } from 'zod';
import { FIELDS_MAX, OPERATORS_MAX } from '../../limits.ts';

export const NO_NAME = 'the list names nothing';

/** What a step or sink reads: the name of a source or step, or several (a union). */
export const fromSchema = z
  .union([z.string(), z.array(z.string()).min(1, { error: NO_NAME }).max(OPERATORS_MAX)], {
    error: 'expected the name of a source or step, or a list of names',
  })
  .describe('the source or step whose records come in, or a list of them (a union)');

/** Fields of a key. */
export const keySchema = z
  .union([z.string(), z.array(z.string()).min(1, { error: NO_NAME }).max(FIELDS_MAX)], {
    error: 'expected the name of a field, or a list of names',
  })
  .describe('the field or fields that make the key');

/** `alias.function` or `alias.Record`. */
export function memberSchema(what: string) {
  return z
    .string({ error: `expected "module.${what}"` })
    .regex(/^[^.]+\.[^.]+$/, { error: `expected "module.${what}"` });
}
