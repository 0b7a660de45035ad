import { createRequire } from 'node:module';
import type { CallLog } from './call-log.ts';
import { GuestStop } from './guest-failure.ts';
import type { GuestMemory } from './guest-memory.ts';

/** Error numbers of WASI preview 1. */
const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;
const INVALID = 28;
const NOT_SEEKABLE = 70;

/** Vectors of one `fd_write`; more are an error of the guest. */
const VECTORS_MAX = 1_024;
/** Bytes of one `random_get`. */
const RANDOM_BYTES_MAX = 65_536;
/** Nanoseconds the clock moves on each time it is read. */
const CLOCK_STEP = 1_000_000n;

type HostFunction = (...args: never[]) => unknown;

interface WasiInstance {
  readonly wasiImport: Readonly<Record<string, (...args: number[]) => number>>;
  setMemory(memory: WebAssembly.Memory): void;
}

type WasiConstructor = new (config: object) => WasiInstance;

let loaded: WasiConstructor | undefined;

/** wasi-js is CommonJS, and loaded only by a process that meets a WASI guest. */
function wasiConstructor(): WasiConstructor {
  loaded ??= createRequire(import.meta.url)('wasi-js').default as WasiConstructor;
  return loaded;
}

/**
 * The WASI functions of the allow-list over a world without files, in which nothing is real: the
 * clock is a counter, randomness is seeded, standard output and error go to the log.
 *
 * W1 Nothing of wasi-js runs that could reach the host: no stock bindings, an empty file system, only the
 *    functions named here.
 * W2 Every address and length is checked before wasi-js sees it.
 * W3 Work per call is bounded, so that fuel bounds it in all.
 */
export function createWasiWorld(memory: GuestMemory, log: CallLog): Map<string, HostFunction> {
  const wasi = new (wasiConstructor())({
    args: [],
    env: {},
    preopens: {},
    bindings: {
      hrtime: () => 0n,
      exit: (code: number) => exit(code),
      kill: () => exit(1),
      randomFillSync: () => exit(1),
      isTTY: () => false,
      fs: {},
      path: {},
    },
    sendStdout: (bytes: Uint8Array) => log.print(0, bytes),
    sendStderr: (bytes: Uint8Array) => log.print(1, bytes),
  });
  wasi.setMemory(memory.memory);
  return new Map<string, HostFunction>([
    ...textFunctions(wasi, memory),
    ...descriptorFunctions(wasi, memory),
    ...virtualFunctions(memory),
  ]);
}

type Entries = readonly (readonly [string, HostFunction])[];

/** Arguments and environment: both empty. */
function textFunctions(wasi: WasiInstance, memory: GuestMemory): Entries {
  const { wasiImport } = wasi;
  const sizes = (name: string) => (count: number, bytes: number) => {
    memory.check(name, count >>> 0, 4);
    memory.check(name, bytes >>> 0, 4);
    return wasiImport[name](count >>> 0, bytes >>> 0);
  };
  return [
    ['args_sizes_get', sizes('args_sizes_get')],
    ['environ_sizes_get', sizes('environ_sizes_get')],
    ['args_get', () => SUCCESS],
    ['environ_get', () => SUCCESS],
  ];
}

function descriptorFunctions(wasi: WasiInstance, memory: GuestMemory): Entries {
  const { wasiImport } = wasi;
  return [
    [
      'fd_write',
      (descriptor: number, vectors: number, count: number, written: number) => {
        if (descriptor !== 1 && descriptor !== 2) return BAD_DESCRIPTOR;
        if (count >>> 0 > VECTORS_MAX) return INVALID;
        checkVectors(memory, vectors >>> 0, count);
        memory.check('fd_write', written >>> 0, 4);
        return wasiImport.fd_write(descriptor, vectors >>> 0, count, written >>> 0);
      },
    ],
    [
      'fd_read',
      (descriptor: number, _vectors: number, _count: number, read: number) => {
        if (descriptor !== 0) return BAD_DESCRIPTOR;
        memory.check('fd_read', read >>> 0, 4);
        writeU32(memory, read >>> 0, 0);
        return SUCCESS;
      },
    ],
    [
      'fd_fdstat_get',
      (descriptor: number, status: number) => {
        if (descriptor >>> 0 > 2) return BAD_DESCRIPTOR;
        memory.check('fd_fdstat_get', status >>> 0, 24);
        return wasiImport.fd_fdstat_get(descriptor, status >>> 0);
      },
    ],
    ['fd_close', (descriptor: number) => (descriptor >>> 0 > 2 ? BAD_DESCRIPTOR : SUCCESS)],
    ['fd_seek', (descriptor: number) => (descriptor >>> 0 > 2 ? BAD_DESCRIPTOR : NOT_SEEKABLE)],
    ['fd_prestat_get', () => BAD_DESCRIPTOR],
    ['fd_prestat_dir_name', () => BAD_DESCRIPTOR],
  ];
}

/** What would differ from run to run on a real machine. */
function virtualFunctions(memory: GuestMemory): Entries {
  let now = 0n;
  let random = 0x9e37_79b9;
  const writeTime = (what: string, address: number, value: bigint): number => {
    memory.check(what, address, 8);
    new DataView(memory.bytes.buffer).setBigUint64(address, value, true);
    return SUCCESS;
  };
  return [
    [
      'clock_time_get',
      (clock: number, _precision: bigint, time: number) => {
        if (clock >>> 0 > 3) return INVALID;
        now += CLOCK_STEP;
        return writeTime('clock_time_get', time >>> 0, now);
      },
    ],
    [
      'clock_res_get',
      (clock: number, resolution: number) =>
        clock >>> 0 > 3 ? INVALID : writeTime('clock_res_get', resolution >>> 0, CLOCK_STEP),
    ],
    [
      'random_get',
      (buffer: number, length: number) => {
        if (length >>> 0 > RANDOM_BYTES_MAX) return INVALID;
        memory.check('random_get', buffer >>> 0, length);
        const { bytes } = memory;
        for (let i = 0; i < length; i++) {
          random ^= random << 13;
          random ^= random >>> 17;
          random ^= random << 5;
          bytes[(buffer >>> 0) + i] = random >>> 24;
        }
        return SUCCESS;
      },
    ],
    ['sched_yield', () => SUCCESS],
    ['proc_exit', (code: number) => exit(code)],
  ];
}

function checkVectors(memory: GuestMemory, vectors: number, count: number): void {
  memory.check('fd_write', vectors, count * 8);
  const view = new DataView(memory.bytes.buffer);
  for (let i = 0; i < count; i++) {
    const buffer = view.getUint32(vectors + i * 8, true);
    memory.check('fd_write', buffer, view.getUint32(vectors + i * 8 + 4, true));
  }
}

function writeU32(memory: GuestMemory, address: number, value: number): void {
  new DataView(memory.bytes.buffer).setUint32(address, value, true);
}

function exit(code: number): never {
  throw new GuestStop(`the guest called proc_exit(${code | 0})`);
}
