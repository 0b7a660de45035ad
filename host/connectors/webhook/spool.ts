import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MillraceError } from '../../errors.ts';
import type { Json } from '../../model/json.ts';
import { onDisk, readTransaction, toTransaction } from '../file/file-transaction.ts';
import { isPartName } from '../file/part-name.ts';

/** A transaction of the `webhook` sink: parts of a `file` sink, and the random id of the writer that made them. */
export interface WebhookTransaction {
  /** Makes the keys of this writer unlike those of any other, also of an earlier job of the same name. */
  readonly run: string;
  /** The `file` sink's own. */
  readonly file: Json;
}

/** Names of the parts of a transaction. */
export function partsOf(id: string, { file }: WebhookTransaction): readonly string[] {
  return readTransaction(id, file).map(({ part }) => part);
}

/** The transaction as a manifest keeps it. */
export function wrapTransaction({ run, file }: WebhookTransaction): Json {
  return file === null ? null : { run, file };
}

/** Throws `CHECKPOINT_CORRUPT` when it is none. */
export function unwrapTransaction(id: string, transaction: Json): WebhookTransaction {
  if (transaction === null) return { run: '', file: null };
  const { run, file } = transaction as { readonly run?: Json; readonly file?: Json };
  if (typeof run === 'string' && /^[\w-]{1,64}$/.test(run) && file !== undefined) {
    // Checks it, and leaves out what is not of it.
    return { run, file: toTransaction(readTransaction(id, file)) };
  }
  throw new MillraceError('CHECKPOINT_CORRUPT', `sink "${id}" cannot read its transaction`, {
    hint: 'the checkpoint was written by another connector, or is damaged',
  });
}

/**
 * Bodies that wait for the receiver: a directory for each sink of each job, in which a `file` sink writes its parts.
 *
 * Q1  A part with bytes is to be sent. One without was accepted: it stays, empty, as long as a checkpoint may name it, so that
 *     a part that somebody removed is told from one that was sent.
 */
export class Spool {
  readonly #id: string;
  readonly path: string;

  constructor(
    owner: { readonly id: string; readonly job: string; readonly baseDirectory: string },
    directory: string,
  ) {
    this.#id = owner.id;
    const names = [`job-${encodeURIComponent(owner.job)}`, `sink-${encodeURIComponent(owner.id)}`];
    this.path = resolve(owner.baseDirectory, directory, ...names);
  }

  /** The bytes of a part; none when it was accepted. */
  read(part: string): Promise<Uint8Array> {
    return onDisk({ id: this.#id, path: this.path }, 'read a file in', () =>
      readFile(join(this.path, part)),
    );
  }

  /** After a crash the part may be there again with its bytes: then it is sent again, with the same key. */
  accepted(part: string): Promise<void> {
    return onDisk({ id: this.#id, path: this.path }, 'empty a file in', () =>
      truncate(join(this.path, part)),
    );
  }

  /** Removes every part but these. */
  async keepOnly(parts: ReadonlySet<string>): Promise<void> {
    await onDisk({ id: this.#id, path: this.path }, 'clear', async () => {
      const names = await readdir(this.path);
      await this.#remove(names.filter((name) => isPartName(name) && !parts.has(name)));
    });
  }

  /** Removes these parts. */
  async remove(parts: readonly string[]): Promise<void> {
    await onDisk({ id: this.#id, path: this.path }, 'clear', () => this.#remove(parts));
  }

  async #remove(parts: readonly string[]): Promise<void> {
    for (const part of parts) await rm(join(this.path, part), { force: true });
  }
}
