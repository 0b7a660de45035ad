import { MillraceError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Manifest } from './manifest.ts';
import type { UpdateRecord, UpdateState } from './update-record.ts';
import type { LogEntry } from './worker-protocol.ts';

const UPDATES = 'updates.json';
const MODULES = 'modules.json';

export interface UpdateLogOptions {
  readonly storage: BlobStore;
  readonly nowMs: () => number;
  readonly log: (entry: LogEntry) => void;
}

/**
 * A job's updates and where its modules' bytes are, kept in its directory:
 *
 *     updates.json   all update records, in order
 *     modules.json   digest → path of every module that an update brought
 *
 * What runs is decided by the checkpoint's manifest alone; `updates.json` tells people the story.
 */
export class UpdateLog {
  readonly #options: UpdateLogOptions;
  #updates: readonly UpdateRecord[];
  #paths: { readonly [digest: string]: string };
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    options: UpdateLogOptions,
    updates: readonly UpdateRecord[],
    paths: { readonly [digest: string]: string },
  ) {
    this.#options = options;
    this.#updates = updates;
    this.#paths = paths;
  }

  static async open(options: UpdateLogOptions): Promise<UpdateLog> {
    const updates = await readJson(options, UPDATES);
    const paths = await readJson(options, MODULES);
    return new UpdateLog(
      options,
      Array.isArray(updates) ? (updates as UpdateRecord[]) : [],
      (paths ?? {}) as { readonly [digest: string]: string },
    );
  }

  get records(): readonly UpdateRecord[] {
    return this.#updates;
  }

  /** Where a module's bytes are, or undefined when no update brought it. */
  pathOf(digest: string): string | undefined {
    return Object.hasOwn(this.#paths, digest) ? this.#paths[digest] : undefined;
  }

  /** The record of a new update. */
  create(fields: Pick<UpdateRecord, 'step' | 'from' | 'to' | 'strategy'>): UpdateRecord {
    const update = (this.#updates.at(-1)?.update ?? 0) + 1;
    const times = [{ state: 'requested' as const, atMs: this.#options.nowMs() }];
    const record: UpdateRecord = {
      update,
      ...fields,
      state: 'requested',
      times,
      checkpoint: undefined,
      pauses: [],
      reason: '',
    };
    this.#updates = [...this.#updates, record];
    return record;
  }

  /** Enters a state and notes when. Resolves when it is written; a failure to write is logged, no more. */
  async enter(
    record: UpdateRecord,
    state: UpdateState,
    fields: Partial<Pick<UpdateRecord, 'checkpoint' | 'pauses' | 'reason'>> = {},
  ): Promise<UpdateRecord> {
    const times = [...record.times, { state, atMs: this.#options.nowMs() }];
    const entered: UpdateRecord = { ...record, ...fields, state, times };
    await this.replace(entered);
    return entered;
  }

  async replace(record: UpdateRecord): Promise<void> {
    this.#updates = this.#updates.map((one) => (one.update === record.update ? record : one));
    await this.#write(UPDATES, this.#updates).catch((thrown) => {
      const { message } = MillraceError.from(thrown);
      const text = `update ${record.update} is not written down: ${message}`;
      this.#options.log({ level: 'error', text });
    });
  }

  /** Remembers where a module's bytes are, durably: a restart needs them. Throws `STORAGE_FAILED`. */
  async rememberModule(digest: string, path: string): Promise<void> {
    this.#paths = { ...this.#paths, [digest]: path };
    await this.#write(MODULES, this.#paths);
  }

  /** After a restart: what was under way has either made it into the checkpoint, or is over. */
  async reconcile(manifest: Manifest | undefined): Promise<void> {
    for (const record of this.#updates) {
      if (record.state === 'settled' || record.state === 'refused') continue;
      const runs = manifest?.modules[record.step]?.digest;
      const cut =
        record.checkpoint !== undefined && record.checkpoint <= (manifest?.checkpoint ?? 0);
      if (cut && runs === record.to.digest) {
        await this.enter(record, 'settled');
        continue;
      }
      const from = manifest === undefined ? 'the beginning' : `checkpoint ${manifest.checkpoint}`;
      await this.enter(record, 'refused', {
        reason: `the job started again from ${from}, before the update was part of a checkpoint`,
      });
    }
  }

  /** Writes follow one another, so that the last state is the one that stays. */
  #write(name: string, value: unknown): Promise<void> {
    const bytes = new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
    const written = this.#writing.then(() => this.#options.storage.put(name, bytes));
    this.#writing = written.catch(() => {});
    return written;
  }
}

async function readJson(options: UpdateLogOptions, name: string): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(await options.storage.get(name)));
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === 'BLOB_NOT_FOUND') return undefined;
    if (!(thrown instanceof SyntaxError)) throw thrown;
    options.log({ level: 'error', text: `"${name}" is damaged and begun anew` });
    return undefined;
  }
}
