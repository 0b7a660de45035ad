import { MillraceError } from '../../errors.ts';

/** Codes of the system for a connection that is not there. */
const DISCONNECTED = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
];

/** Classes of SQLSTATE that pass: connection, resources (disk full, too many clients), shutdown and start, conflicts. */
const PASSING_CLASSES = ['08', '53', '57', '40'];

const HINTS: Readonly<Record<string, string>> = {
  '28': 'the server refuses the user; check user and password of the sink',
  '3D': 'create the database or mend the URL',
  '3F': 'create the schema or mend "table"',
  '42': 'the user needs the right to create tables, or to write the table and the tables "millrace_…" beside it',
  '22': 'a value does not fit into its column; change it in a step before',
  '23': 'the table has a constraint that the records break; drop it or mend the records',
};

/** Whether the same work may succeed a moment later. */
export function isPassing(cause: unknown): boolean {
  const code = codeOf(cause);
  if (DISCONNECTED.includes(code)) return true;
  return code.length === 5 && PASSING_CLASSES.includes(code.slice(0, 2));
}

/** What failed as an error of the sink: `STORAGE_FAILED` when it passes, `SINK_UNAVAILABLE` when it stays. */
export function postgresFailed(id: string, action: string, cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause;
  const code = codeOf(cause);
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : code;
  const text = `sink "${id}" cannot ${action}: ${reason}${code === '' ? '' : ` (${code})`}`;
  if (!isPassing(cause)) {
    const hint = HINTS[code.slice(0, 2)] ?? 'look at the log of the server';
    return new MillraceError('SINK_UNAVAILABLE', text, { hint, cause });
  }
  return new MillraceError('STORAGE_FAILED', text, {
    hint: 'the job waits and goes on when the server takes statements again',
    cause,
  });
}

function codeOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : '';
}
