import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const DEBIAN = '/usr/lib/postgresql';

function findPrograms(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const folders = readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

/** The server refuses to run as root; Debian's package makes a user for it. */
function findUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return { uid: process.getuid!(), gid: process.getgid!() };
  try {
    const idOf = (flag: string) =>
      Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }));
    return { uid: idOf('-u'), gid: idOf('-g') };
  } catch {
    return undefined;
  }
}

/** Why no PostgreSQL server can be started here; undefined when it can. */
export function postgresMissing(): string | undefined {
  const found = findPrograms() !== undefined && findUser() !== undefined;
  return found ? undefined : 'PostgreSQL is not installed (Debian package postgresql-15)';
}

export interface PostgresServer {
  readonly url: string;
  /** For the test's own questions. */
  ask(text: string): Promise<readonly Record<string, unknown>[]>;
  /** Kills the server with all its connections. What was committed stays. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A server of its own in a temporary directory, on loopback, gone with `stop`. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = findPrograms();
  const user = findUser();
  if (programs === undefined || user === undefined) throw new Error(postgresMissing());
  const directory = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
  chmodSync(directory, 0o700);
  chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  const options = { ...user, cwd: directory };
  const layout = [
    '-D',
    data,
    '-U',
    'tests',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ];
  await promisify(execFile)(join(programs, 'initdb'), layout, options);
  const port = await freePort();
  const url = `postgres://tests@127.0.0.1:${port}/postgres`;
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const settings = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      'max_connections=300',
      `unix_socket_directories=${directory}`,
      // The machine stays up: what the system was given is there after a kill.
      'fsync=off',
    ];
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    child = spawn(join(programs as string, 'postgres'), args, { ...options, stdio: 'ignore' });
    await until('the server answers', () =>
      pool.query('select 1').then(
        () => true,
        () => false,
      ),
    );
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    // Immediate shutdown: all connections are cut, the next start recovers from the log.
    child.kill('SIGQUIT');
    await gone;
  }

  await start();
  return {
    url,
    ask: async (text) => (await pool.query(text)).rows,
    kill,
    start,
    async stop() {
      await pool.end();
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
