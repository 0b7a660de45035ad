import type { z } from 'zod';
import type { DocumentPath, Finding } from '../finding.ts';
import { suggest } from '../suggest.ts';
import { kindsOf, STEP_KIND_NAMES, STEP_KINDS } from './step-kinds.ts';

type Issue = z.core.$ZodIssue;

/** The issues of a failed parse as findings, one per fault, in words of the document. */
export function schemaFindings(issues: readonly Issue[], document: unknown): Finding[] {
  return issues.flatMap((issue) => findingsOf(issue, [], document));
}

/** `base` is where the issue's own path starts; paths of issues inside a union are relative. */
function findingsOf(issue: Issue, base: DocumentPath, document: unknown): Finding[] {
  const path = [
    ...base,
    ...issue.path.map((part) => (typeof part === 'number' ? part : String(part))),
  ];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: `unknown key${suggest(key, knownKeys(path, document))}`,
      }));
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? 'not a name' }];
    case 'invalid_union':
      return path.length === 2 && path[0] === 'steps'
        ? stepFindings(path, document)
        : unionFindings(issue, path, document);
    case 'invalid_type':
      return [{ path, message: typeMessage(issue, valueAt(document, path)) }];
    default: {
      const missing = valueAt(document, path) === undefined;
      return [{ path, message: missing ? 'is missing' : lowerFirst(issue.message) }];
    }
  }
}

/** A step fits no kind: says what is wrong with it as the kind whose key it has. */
function stepFindings(path: DocumentPath, document: unknown): Finding[] {
  const step = valueAt(document, path);
  const kinds = kindsOf(step);
  if (kinds.length === 1) {
    const parsed = STEP_KINDS[kinds[0]].safeParse(step);
    const issues = parsed.error?.issues ?? [];
    return issues.flatMap((issue) => findingsOf(issue, path, document));
  }
  if (kinds.length > 1) {
    const named = kinds.map((kind) => `"${kind}"`).join(' and ');
    return [{ path, message: `a step is of one kind, this one is ${named}` }];
  }
  if (typeof step !== 'object' || step === null || Array.isArray(step)) {
    return [{ path, message: `expected an object, found ${describe(step)}` }];
  }
  const hint = Object.keys(step).map((key) => suggest(key, STEP_KIND_NAMES));
  const nearest = hint.find((text) => text !== '') ?? '';
  const named = STEP_KIND_NAMES.map((kind) => `"${kind}"`).join(', ');
  return [{ path, message: `the step has no kind: one of ${named}${nearest}` }];
}

/** The findings of the one alternative the value was meant as, else that it is none of them. */
function unionFindings(
  issue: z.core.$ZodIssueInvalidUnion,
  path: DocumentPath,
  document: unknown,
): Finding[] {
  const meant = issue.errors.filter((errors) => errors.every((inner) => !isOtherForm(inner)));
  if (meant.length === 1) return meant[0].flatMap((inner) => findingsOf(inner, path, document));
  if (valueAt(document, path) === undefined) return [{ path, message: 'is missing' }];
  // The only union without words of its own is zod's for JSON.
  const inWords = !issue.message.startsWith('Invalid input');
  return [{ path, message: inWords ? issue.message : 'expected a value of JSON' }];
}

/** Whether the alternative was refused as a whole: a list instead of a text, another word. */
function isOtherForm(issue: Issue): boolean {
  return issue.path.length === 0 && ['invalid_type', 'invalid_value'].includes(issue.code);
}

function typeMessage(issue: z.core.$ZodIssueInvalidType, value: unknown): string {
  if (value === undefined) return 'is missing';
  if (!issue.message.startsWith('Invalid input')) return lowerFirst(issue.message);
  const article = /^[aeiou]/.test(issue.expected) ? 'an' : 'a';
  const expected = issue.expected === 'record' ? 'an object' : `${article} ${issue.expected}`;
  return `expected ${expected}, found ${describe(value)}`;
}

/** Keys that may stand at a place, for suggestions. */
function knownKeys(path: DocumentPath, document: unknown): readonly string[] {
  if (path.length === 2 && path[0] === 'steps') {
    const kinds = kindsOf(valueAt(document, path));
    return kinds.length === 1 ? Object.keys(STEP_KINDS[kinds[0]].shape) : [];
  }
  return KEYS_BY_PLACE[path.length === 0 ? '' : String(path.at(-1))] ?? [];
}

const KEYS_BY_PLACE: Readonly<Record<string, readonly string[]>> = {
  '': ['name', 'parallelism', 'keyGroups', 'checkpoint', 'modules', 'sources', 'steps', 'sinks'],
  checkpoint: ['every', 'timeout', 'retain', 'minPause', 'unaligned'],
  limits: ['fuelPerRecord', 'memory', 'output'],
  onError: ['retry', 'backoff', 'then'],
  window: [
    ...['tumbling', 'sliding', 'session', 'count', 'global', 'every', 'offset', 'time'],
    ...['allowedLateness', 'trigger'],
  ],
  trigger: ['count', 'every', 'purge'],
  interval: ['lower', 'upper'],
  eventTime: [
    ...['field', 'assign', 'limits', 'outOfOrderness', 'punctuated', 'idle', 'alignment'],
  ],
  alignment: ['group', 'maxDrift'],
};

/** What stands at a path of the document, undefined where nothing does. */
export function valueAt(document: unknown, path: DocumentPath): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  return typeof value === 'object' ? 'an object' : String(value);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
