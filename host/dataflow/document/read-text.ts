import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { MillraceError } from '../../errors.ts';
import { PIPELINE_ALIASES_MAX, PIPELINE_BYTES_MAX } from '../../limits.ts';

/**
 * The value of a YAML or JSON text (JSON is YAML). Throws `PIPELINE_UNREADABLE`, each fault with line and
 * column: bad syntax, a repeated or non-text key, an unknown tag, several documents, too many or circular aliases.
 */
export function readText(text: string): unknown {
  const bytes = Buffer.byteLength(text);
  if (bytes > PIPELINE_BYTES_MAX) {
    throw unreadable([`the document has ${bytes} bytes, limit ${PIPELINE_BYTES_MAX}`]);
  }
  const lines = new LineCounter();
  // Keys are compared below: the parser's own check takes quadratic time on a map of many keys.
  const document = parseDocument(text, {
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const faults = [...document.errors, ...document.warnings].map((fault) =>
    at(lines, fault.pos[0], fault.message),
  );
  if (faults.length === 0) faults.push(...keyFaults(document.contents, lines));
  if (faults.length > 0) throw unreadable([...new Set(faults)].slice(0, FAULTS_SHOWN));
  try {
    const value: unknown = document.toJS({ maxAliasCount: PIPELINE_ALIASES_MAX });
    // Refuses circular aliases, and what only a document with aliases can grow to.
    if (JSON.stringify(value)?.length > 4 * PIPELINE_BYTES_MAX) {
      throw new RangeError('the document grows beyond its limit by aliases');
    }
    return value;
  } catch (thrown) {
    // `JSON.stringify` throws a TypeError on circular values and on nothing else that YAML yields.
    if (thrown instanceof TypeError) throw unreadable(['an alias stands inside what it repeats']);
    const reason = thrown instanceof Error ? thrown.message.split('\n')[0] : String(thrown);
    throw unreadable([reason.charAt(0).toLowerCase() + reason.slice(1)]);
  }
}

/** One broken bracket makes the parser complain many times. */
const FAULTS_SHOWN = 10;

/** Keys that are no text, or that a map has twice. */
function keyFaults(root: unknown, lines: LineCounter): string[] {
  const faults: string[] = [];
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const node = pending.pop();
    if (isSeq(node)) pending.push(...node.items);
    if (!isMap(node)) continue;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const start = (pair.key as Node | null)?.range?.[0] ?? 0;
      pending.push(pair.value);
      if (isAlias(pair.key) || !isScalar(pair.key) || typeof pair.key.value !== 'string') {
        faults.push(at(lines, start, 'a key must be a text'));
      } else if (seen.has(pair.key.value)) {
        faults.push(at(lines, start, `key ${JSON.stringify(pair.key.value)} stands twice`));
      } else {
        seen.add(pair.key.value);
      }
    }
  }
  return faults;
}

function at(lines: LineCounter, offset: number, message: string): string {
  const { line, col } = lines.linePos(offset);
  const text = message.split('\n')[0].replace(/[.:]$/, '');
  return `line ${line}, column ${col}: ${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

function unreadable(details: readonly string[]): MillraceError {
  return new MillraceError('PIPELINE_UNREADABLE', `the pipeline cannot be read: ${details[0]}`, {
    details,
    hint: 'a pipeline is one YAML or JSON document, see "Pipeline" in the README',
  });
}
