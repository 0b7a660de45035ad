import { MillraceError } from '../../errors.ts';
import type { Json } from '../../model/json.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { Query } from './database.ts';
import { columnList, ensureTable, qualify, type TableName, valueList } from './postgres-table.ts';

/** The rows that one task wrote between two checkpoints. */
export interface PostgresPart {
  /** Unique in all time: a random id of the writer and a count. */
  readonly part: string;
  readonly task: number;
  readonly checkpoint: number;
  readonly rows: number;
}

/** Who writes. */
export interface LedgerOwner {
  readonly id: string;
  readonly job: string;
  readonly attempt: number;
  readonly schema: RecordSchema;
}

/** Some rows of a part, as lines of JSON. */
export interface StagedChunk {
  readonly part: string;
  readonly chunk: number;
  readonly lines: string;
}

/** Checkpoints whose commits are remembered: more than a job ever goes back. */
const CHECKPOINTS_REMEMBERED = 1_000;

/**
 * The books of a sink, in three tables beside the table that it writes:
 *
 *     millrace_fences   (job, sink → attempt)            who may write
 *     millrace_staged   (job, sink, part, chunk → lines) pre-committed rows, seen by nobody
 *     millrace_commits  (job, sink, part → checkpoint)   what was moved into the table
 *
 * L1  Rows of a part and its row in `millrace_commits` come in one transaction: a part is in the table once or not at all,
 *     however often it is committed and wherever the connection breaks.
 * L2  A chunk has a key: staging one again, after an answer that was lost, changes nothing.
 * L3  Values are converted when they are staged, so what does not fit fails before its checkpoint and not behind it.
 * L4  Only the attempt that recovered last stages and commits.
 */
export class Ledger {
  readonly #owner: LedgerOwner;
  readonly #name: TableName;
  readonly #fences: string;
  readonly #staged: string;
  readonly #commits: string;

  constructor(owner: LedgerOwner, name: TableName) {
    this.#owner = owner;
    this.#name = name;
    this.#fences = qualify(name, 'millrace_fences');
    this.#staged = qualify(name, 'millrace_staged');
    this.#commits = qualify(name, 'millrace_commits');
  }

  /** Makes and checks the tables, takes the fence, commits `parts` and removes whatever else is staged. */
  async recover(query: Query, parts: readonly PostgresPart[], create: boolean): Promise<void> {
    const { id, job, attempt, schema } = this.#owner;
    // Two jobs that make the same tables at the same time would run into each other.
    await query(`select pg_advisory_xact_lock(hashtext('millrace'))`);
    await query(
      `create table if not exists ${this.#fences}
       (job text, sink text, attempt bigint not null, primary key (job, sink))`,
    );
    await query(
      `create table if not exists ${this.#staged}
       (job text, sink text, part text, chunk bigint, lines text not null, rows bigint not null,
        primary key (job, sink, part, chunk))`,
    );
    await query(
      `create table if not exists ${this.#commits}
       (job text, sink text, part text, task bigint not null, checkpoint bigint not null,
        committed_at timestamp with time zone not null default now(), primary key (job, sink, part))`,
    );
    await ensureTable(query, { id, name: this.#name, create }, schema);
    await query(
      `insert into ${this.#fences} (job, sink, attempt) values ($1, $2, $3)
       on conflict (job, sink) do update set attempt = excluded.attempt`,
      [job, id, attempt],
    );
    for (const part of parts) await this.#commitPart(query, part);
    await query(`delete from ${this.#staged} where job = $1 and sink = $2`, [job, id]);
  }

  async stage(query: Query, { part, chunk, lines }: StagedChunk): Promise<void> {
    const { id, job, schema } = this.#owner;
    await this.#assertUnfenced(query);
    await query(
      `insert into ${this.#staged} (job, sink, part, chunk, lines, rows)
       select $1::text, $2::text, $3::text, $4::bigint, $5::text, count(row(${valueList(schema)}))
       from (select line::jsonb as row from unnest(string_to_array($5::text, E'\\n')) as line
             where line <> '') as lines
       on conflict do nothing`,
      [job, id, part, chunk, lines],
    );
  }

  /** Removes what a writer staged and will not commit. */
  async unstage(query: Query, part: string): Promise<void> {
    const { id, job } = this.#owner;
    const values = [job, id, part];
    await query(`delete from ${this.#staged} where job = $1 and sink = $2 and part = $3`, values);
  }

  async commit(query: Query, parts: readonly PostgresPart[]): Promise<void> {
    await this.#assertUnfenced(query);
    for (const part of parts) await this.#commitPart(query, part);
  }

  async #commitPart(query: Query, part: PostgresPart): Promise<void> {
    const { id, job, schema } = this.#owner;
    const noted = await query(
      `insert into ${this.#commits} (job, sink, part, task, checkpoint) values ($1, $2, $3, $4, $5)
       on conflict do nothing`,
      [job, id, part.part, part.task, part.checkpoint],
    );
    if (noted.count === 0) return;
    const moved = await query(
      `insert into ${qualify(this.#name, this.#name.table)} (${columnList(schema)})
       select ${valueList(schema)}
       from (select line::jsonb as row
             from ${this.#staged}, unnest(string_to_array(lines, E'\\n')) with ordinality as l (line, n)
             where job = $1 and sink = $2 and part = $3 and line <> ''
             order by chunk, n) as lines`,
      [job, id, part.part],
    );
    if (moved.count !== part.rows) throw lost(id, part, moved.count);
    await this.unstage(query, part.part);
    await query(
      `delete from ${this.#commits} where job = $1 and sink = $2 and task = $3 and checkpoint < $4`,
      [job, id, part.task, part.checkpoint - CHECKPOINTS_REMEMBERED],
    );
  }

  async #assertUnfenced(query: Query): Promise<void> {
    const { id, job, attempt } = this.#owner;
    const { rows } = await query(
      `select attempt::text as attempt from ${this.#fences} where job = $1 and sink = $2 for share`,
      [job, id],
    );
    if (Number(rows[0]?.attempt) === attempt) return;
    throw new MillraceError(
      'SINK_UNAVAILABLE',
      `sink "${id}" of attempt ${attempt} may write no more: attempt ${rows[0]?.attempt} does`,
      { hint: 'the job was started again elsewhere; this attempt is over' },
    );
  }
}

/** The transaction of a task. */
export function toTransaction(parts: readonly PostgresPart[]): Json {
  return parts.length === 0 ? null : { parts: parts.map((part) => ({ ...part })) };
}

/** The parts of a transaction, which may come from a checkpoint. Throws `CHECKPOINT_CORRUPT` when it is not one. */
export function readTransaction(id: string, transaction: Json): readonly PostgresPart[] {
  if (transaction === null) return [];
  const parts = (transaction as { readonly parts?: Json }).parts;
  if (Array.isArray(parts) && parts.every(isPart)) return parts as unknown as PostgresPart[];
  throw new MillraceError('CHECKPOINT_CORRUPT', `sink "${id}" cannot read its transaction`, {
    hint: 'the checkpoint was written by another connector, or is damaged',
  });
}

function isPart(value: Json): boolean {
  const { part, task, checkpoint, rows } = (value ?? {}) as { readonly [key: string]: Json };
  return typeof part === 'string' && [task, checkpoint, rows].every(Number.isSafeInteger);
}

function lost(id: string, { checkpoint, rows }: PostgresPart, found: number): MillraceError {
  return new MillraceError(
    'SINK_UNAVAILABLE',
    `sink "${id}" has lost rows of checkpoint ${checkpoint}: ${rows} were staged, ${found} are there`,
    { hint: 'leave the tables "millrace_…" alone while the job exists' },
  );
}
