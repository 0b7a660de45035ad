import type pg from 'pg';
import { MillraceError } from '../../errors.ts';
import { type Outbound, outboundSocket } from '../outbound.ts';

/** A statement of a transaction. `count` is the number of rows that it returned or changed. */
export type Query = (
  text: string,
  values?: readonly (string | number)[],
) => Promise<{
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly count: number;
}>;

/** One connection to a server, made when it is needed and made again after it broke. */
export interface Database {
  /**
   * Runs `work` in a transaction, one at a time; what it throws rolls back. Rejects with a code of the system when the connection
   * breaks, also when the commit may have happened.
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Cuts what is running. */
  close(): Promise<void>;
}

export interface DatabaseAddress {
  readonly url: string;
  /** Instead of one in the URL. */
  readonly password: string | undefined;
  /** Which addresses it may reach. */
  readonly outbound?: Outbound;
}

export type ConnectDatabase = (address: DatabaseAddress) => Database;

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 10_000;

/** A database on a real server. */
export const connectDatabase: ConnectDatabase = (address) => new PostgresDatabase(address);

class PostgresDatabase implements Database {
  readonly #address: DatabaseAddress;
  #client: pg.Client | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(address: DatabaseAddress) {
    this.#address = address;
  }

  transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => this.#run(work));
    this.#turn = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#client?.end().catch(() => {});
  }

  async #run<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    try {
      await client.query('begin');
      const result = await work(async (text, values = []) => {
        const { rows, rowCount } = await client.query(text, [...values]);
        return { rows, count: rowCount ?? 0 };
      });
      await client.query('commit');
      return result;
    } catch (cause) {
      // What a broken connection throws has no code of its own.
      if (this.#client !== client) throw disconnected('the connection broke', cause);
      await client.query('rollback').catch(() => this.#discard(client));
      throw cause;
    }
  }

  async #connect(): Promise<pg.Client> {
    // Loaded by whoever writes to a server, and not by every command.
    const { Client } = (await import('pg')).default;
    if (this.#closed) throw disconnected('the connection is closed');
    if (this.#client !== undefined) return this.#client;
    const { url, password, outbound } = this.#address;
    const client = new Client({
      connectionString: url,
      ...(password === undefined ? {} : { password }),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      application_name: 'millrace',
      stream: () => outboundSocket(outbound),
    });
    // Without a listener an idle connection that breaks would end the process.
    client.on('error', () => this.#discard(client));
    client.on('end', () => this.#discard(client));
    this.#client = client;
    try {
      await client.connect();
    } catch (cause) {
      this.#discard(client);
      if (cause instanceof MillraceError) throw cause;
      const hasCode = cause instanceof Error && 'code' in cause && cause.code !== undefined;
      throw hasCode ? cause : disconnected('the server does not answer', cause);
    }
    return client;
  }

  #discard(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client.end().catch(() => {});
  }
}

function disconnected(text: string, cause?: unknown): Error {
  return Object.assign(new Error(text, { cause }), { code: 'ECONNRESET' });
}
