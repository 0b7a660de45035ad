import { parse } from 'yaml';
import { MillraceError } from '../errors.ts';

/**
 * A copy of a document with one place set, for `--set path=value`. The value is read as YAML; objects on the
 * way are made where they are missing, a list takes an index it has.
 *
 *     setPath(document, 'sources.lines.path=other/*.txt')
 *
 * Throws `USAGE`. The result is to be checked again.
 */
export function setPath(document: unknown, assignment: string): unknown {
  const equals = assignment.indexOf('=');
  const path = assignment.slice(0, Math.max(0, equals)).split('.');
  if (equals <= 0 || path.some((part) => part === '' || part === '__proto__')) {
    throw misuse(assignment, 'expected path=value');
  }
  return replaced(document, path, { assignment, value: readValue(assignment, equals + 1) });
}

interface Assignment {
  readonly assignment: string;
  readonly value: unknown;
}

function replaced(target: unknown, path: readonly string[], set: Assignment): unknown {
  if (path.length === 0) return set.value;
  const [part, ...rest] = path;
  if (Array.isArray(target)) {
    if (!/^\d+$/.test(part) || Number(part) >= target.length) {
      throw misuse(set.assignment, `the list has no entry ${JSON.stringify(part)}`);
    }
    return target.with(Number(part), replaced(target[Number(part)], rest, set));
  }
  if (typeof target !== 'object' && target !== undefined) {
    throw misuse(set.assignment, `nothing can be set inside ${JSON.stringify(target)}`);
  }
  const object = target ?? {};
  const inner = Object.hasOwn(object, part) ? Reflect.get(object, part) : undefined;
  return { ...object, [part]: replaced(inner, rest, set) };
}

function readValue(assignment: string, start: number): unknown {
  try {
    return parse(assignment.slice(start), { maxAliasCount: 0, logLevel: 'error' });
  } catch (cause) {
    throw misuse(assignment, 'the value is not YAML', cause);
  }
}

function misuse(assignment: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('USAGE', `--set ${JSON.stringify(assignment)}: ${reason}`, {
    hint: 'for example --set sources.lines.path=other.txt',
    cause,
  });
}
