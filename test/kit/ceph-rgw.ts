import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { S3Options } from '../../host/storage/s3-blob-store.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const run = promisify(execFile);

/** Where Debian's packages `ceph-mon`, `ceph-osd` and `radosgw` are: installed, or unpacked (`dpkg -x`) into the cache. */
const ROOTS = ['/', join(import.meta.dirname, '../../.cache/ceph')];
const PROGRAMS = ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'ceph', 'monmaptool'];
const KEYS = { accessKeyId: 'MILLRACE', secretAccessKey: 'a/secret+of=the&tests' };

function findRoot(): string | undefined {
  return ROOTS.find((root) => PROGRAMS.every((name) => existsSync(join(root, 'usr/bin', name))));
}

/** Why no Ceph can be started here; undefined when it can. */
export function cephMissing(): string | undefined {
  return findRoot() === undefined
    ? 'Ceph is not installed (Debian packages ceph-mon, ceph-osd, radosgw)'
    : undefined;
}

export interface CephRgw {
  /** Of a server without a bucket yet. */
  readonly options: S3Options;
  stop(): Promise<void>;
}

/** A Ceph cluster of one monitor and one store in memory with its S3 gateway, on loopback, gone with `stop`. */
export async function startCephRgw(): Promise<CephRgw> {
  const root = findRoot();
  if (root === undefined) throw new Error(cephMissing());
  const directory = mkdtempSync(join(tmpdir(), 'millrace-ceph-'));
  const [monitorPort, gatewayPort] = [await freePort(), await freePort()];
  const fsid = randomUUID();
  const config = join(directory, 'ceph.conf');
  for (const name of ['mon', 'osd', 'rgw']) mkdirSync(join(directory, name));
  const ports = { monitor: monitorPort, gateway: gatewayPort };
  writeFileSync(config, configuration({ root, directory, fsid, ports }));
  const env = environment(root);
  const program = (name: string) => join(root, 'usr/bin', name);
  const call = (name: string, ...args: readonly string[]) =>
    run(program(name), ['-c', config, ...args], { env, timeout: 60_000 });
  const children: ChildProcess[] = [];
  const start = (name: string, ...args: readonly string[]) => {
    const child = spawn(program(name), ['-c', config, '-f', ...args], { env, stdio: 'ignore' });
    children.push(child);
  };
  const stop = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const map = join(directory, 'monmap');
    const address = `[v2:127.0.0.1:${monitorPort}]`;
    await call('monmaptool', '--create', '--fsid', fsid, '--addv', 'a', address, map);
    await call('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map);
    start('ceph-mon', '-i', 'a');
    await call('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', randomUUID());
    const store = readFileSync(join(directory, 'osd/fsid'), 'utf8').trim();
    const ceph = [program('ceph'), '-c', config, 'osd', 'new', store, '0'];
    await run('/usr/bin/python3', ceph, { env, timeout: 60_000 });
    start('ceph-osd', '-i', '0');
    const user = ['--uid=tests', '--display-name=tests'];
    const keys = [`--access-key=${KEYS.accessKeyId}`, `--secret=${KEYS.secretAccessKey}`];
    await call('radosgw-admin', '-n', 'client.rgw.a', 'user', 'create', ...user, ...keys);
    start('radosgw', '-n', 'client.rgw.a');
    const endpoint = `http://127.0.0.1:${gatewayPort}`;
    await until(
      'the gateway answers',
      () =>
        fetch(endpoint).then(
          ({ ok }) => ok,
          () => false,
        ),
      60_000,
    );
    return { options: { endpoint, region: 'default', bucket: 'blobs', credentials: KEYS }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function environment(root: string): NodeJS.ProcessEnv {
  if (root === '/') return process.env;
  const below = (path: string) => join(root, path);
  const system = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'];
  const libraries = [...system, 'usr/lib/x86_64-linux-gnu/ceph', 'usr/lib/ceph'];
  return {
    ...process.env,
    LD_LIBRARY_PATH: libraries.map(below).join(':'),
    PYTHONPATH: below('usr/lib/python3/dist-packages'),
  };
}

function configuration(place: {
  readonly root: string;
  readonly directory: string;
  readonly fsid: string;
  readonly ports: { readonly monitor: number; readonly gateway: number };
}): string {
  const { root, directory, fsid, ports } = place;
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  return `[global]
fsid = ${fsid}
mon host = v2:127.0.0.1:${ports.monitor}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms mon service mode = crc
mon allow pool size one = true
mon max pg per osd = 1000
mgr initial modules =
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd pool default erasure code profile = plugin=jerasure k=1 m=0
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
run dir = ${directory}
pid file = ${directory}/$type.$id.pid
admin socket = ${directory}/$type.$id.asok
log file = ${directory}/$type.$id.log
mon cluster log file = ${directory}/cluster.log
plugin dir = ${libraries}/ceph
erasure code dir = ${libraries}/ceph/erasure-code
osd class dir = ${libraries}/rados-classes
mon data = ${directory}/mon
osd data = ${directory}/osd
keyring = ${directory}/keyring
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:${ports.gateway}
rgw data = ${directory}/rgw
`;
}
