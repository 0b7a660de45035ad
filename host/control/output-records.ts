import { mkdirSync, readdirSync } from 'node:fs';
import { createRowEncoder } from '../abi/create-row-encoder.ts';
import type { RowEncoder } from '../abi/row-encoder.ts';
import { LogCursor } from '../connectors/http/log-cursor.ts';
import { segmentBases } from '../connectors/http/log-directory.ts';
import type { RecordSchema } from '../model/schema.ts';
import { OUTPUT_POLL_INTERVAL_MS } from '../server-limits.ts';
import { watchFolder } from './watch-folder.ts';

/** A place in the output of a sink: an entry of its log, and how many of its records were taken. */
export interface OutputPlace {
  readonly position: number;
  readonly taken: number;
}

/** What somebody who follows a sink is told. */
export type OutputEvent =
  | { readonly kind: 'record'; readonly json: string; readonly next: OutputPlace }
  /** Output between where the reader was and what follows is no longer kept. */
  | { readonly kind: 'gap' };

/** `position-taken`, as an event id. */
export function formatPlace({ position, taken }: OutputPlace): string {
  return `${position}-${taken}`;
}

/** Undefined when the text is no place. */
export function parsePlace(text: string): OutputPlace | undefined {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  return match === null ? undefined : { position: Number(match[1]), taken: Number(match[2]) };
}

export interface FollowOptions {
  /** The log of the sink; made if it is not there. */
  readonly directory: string;
  readonly schema: RecordSchema;
  /** Undefined = from the oldest record that is kept. */
  readonly from: OutputPlace | undefined;
  readonly signal: AbortSignal;
  /** Whether nothing more will be committed. */
  readonly over: () => boolean;
}

/** The committed records of a sink in the order of their commits, then those that are committed, until the signal or until `over`. */
export async function* followOutput(options: FollowOptions): AsyncGenerator<OutputEvent> {
  const { directory, schema, signal, over } = options;
  mkdirSync(directory, { recursive: true });
  const changes = watchFolder(directory, signal, OUTPUT_POLL_INTERVAL_MS);
  const encoder = createRowEncoder('json', schema);
  let from = options.from ?? { position: oldestIn(directory), taken: 0 };
  let cursor = new LogCursor(directory, from.position);
  try {
    while (!signal.aborted) {
      // Asked before the reading: what is committed last is read even if the job ends meanwhile.
      const ended = over();
      const entry = nextEntry(cursor, directory);
      if (entry === 'none') {
        if (ended) return;
        await changes.next();
      } else if (entry === 'gone') {
        yield { kind: 'gap' };
        cursor.close();
        from = { position: oldestIn(directory), taken: 0 };
        cursor = new LogCursor(directory, from.position);
      } else {
        yield* recordsOf(entry, from, encoder);
        from = { position: cursor.position, taken: 0 };
      }
    }
  } finally {
    cursor.close();
    changes.close();
  }
}

interface Entry {
  readonly position: number;
  readonly rows: Uint8Array;
  readonly count: number;
}

/** What is no longer kept, or was never an entry: a reader that comes with such a place begins at the oldest. */
function nextEntry(cursor: LogCursor, directory: string): Entry | 'none' | 'gone' {
  const { position } = cursor;
  try {
    const next = cursor.next();
    if (next === undefined) return 'none';
    return { position: next.batch.position, rows: next.rows, count: next.batch.count };
  } catch (thrown) {
    if (position !== oldestIn(directory)) return 'gone';
    throw thrown;
  }
}

function oldestIn(directory: string): number {
  return segmentBases(readdirSync(directory))[0] ?? 0;
}

function* recordsOf(
  { position, rows, count }: Entry,
  from: OutputPlace,
  encoder: RowEncoder,
): Generator<OutputEvent> {
  const text = new TextDecoder().decode(encoder.encode({ bytes: rows, count }));
  const lines = text.split('\n').slice(0, -1);
  const first = from.position === position ? from.taken : 0;
  for (let i = first; i < lines.length; i++) {
    yield { kind: 'record', json: lines[i], next: { position, taken: i + 1 } };
  }
}
