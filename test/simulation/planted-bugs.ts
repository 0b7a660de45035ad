import type { SinkFiles } from '../../host/connectors/file/sink-files.ts';
import type { Operator, Output } from '../../host/dataflow/operator.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { Element } from '../../host/model/element.ts';
import { encodeManifest } from '../../host/runtime/encode-manifest.ts';
import { LocalChannel } from '../../host/runtime/local-channel.ts';
import type { Manifest } from '../../host/runtime/manifest.ts';
import { RingSender } from '../../host/runtime/ring-sender.ts';
import type { CreateOperator } from '../../host/runtime/task-parts.ts';
import type { FromWorker, ToWorker, WorkerStart } from '../../host/runtime/worker-protocol.ts';
import type { CreateStateTable } from '../../host/state/state-table.ts';
import type { BlobStore } from '../../host/storage/blob-store.ts';
import type { FileSystem } from '../../host/storage/file-system.ts';
import { PLANTED_IN_FLIGHT_BUGS } from './planted-in-flight-bugs.ts';
import { forgetsChanges, losesRemovals, removesBases } from './planted-state-bugs.ts';
import { PLANTED_PROCESS_BUGS } from './process-step.ts';
import { overlooksFences, overlooksNotes } from './zombies.ts';

/** Sees every message between coordinator and workers of one attempt, before it is sent. */
export interface LinkTampering {
  connected(worker: number, post: (message: ToWorker) => void): void;
  down(
    worker: number,
    message: ToWorker,
    post: (message: ToWorker) => void,
    answer: (message: FromWorker) => void,
  ): void;
  up(worker: number, message: FromWorker, answer: (message: FromWorker) => void): void;
}

/** A mistake, made around the real code: the harness must see what comes of it. */
export interface PlantedBug {
  readonly name: string;
  readonly fileSystem?: (real: FileSystem) => FileSystem;
  readonly sinkFiles?: (real: SinkFiles) => SinkFiles;
  /** Called once per seed: what it remembers is that of one run. */
  readonly storage?: () => (real: BlobStore) => BlobStore;
  readonly position?: (next: number) => number;
  readonly createOperator?: (real: CreateOperator) => CreateOperator;
  readonly createStateTable?: (real: CreateStateTable) => CreateStateTable;
  readonly links?: () => LinkTampering;
  readonly changeStart?: (start: WorkerStart) => WorkerStart;
  /** Changes code that takes no parts; the returned function undoes it. */
  readonly patch?: () => () => void;
}

const MANIFEST = /\/manifest-a\d+\.json$/;

const nothing = async () => {};

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'blob directories are not synced',
    fileSystem: (real) => ({ ...real, syncDirectory: nothing }),
  },
  {
    name: 'blobs are renamed before they are synced',
    fileSystem: (real) => ({
      ...real,
      create: async (path) => ({ ...(await real.create(path)), sync: nothing }),
    }),
  },
  {
    name: 'a failed sync of a blob is tried again and trusted',
    fileSystem: (real) => ({
      ...real,
      async create(path) {
        const file = await real.create(path);
        return { ...file, sync: () => file.sync().catch(() => file.sync()) };
      },
    }),
  },
  {
    name: 'the output directory is not synced',
    sinkFiles: (real) => ({ ...real, syncDirectory: nothing }),
  },
  { name: 'output is not synced', sinkFiles: (real) => ({ ...real, sync: nothing }) },
  {
    name: 'a failed sync of output is tried again and trusted',
    sinkFiles: (real) => ({
      ...real,
      sync: (descriptor) => real.sync(descriptor).catch(() => real.sync(descriptor)),
    }),
  },
  {
    name: 'pending output is never removed',
    sinkFiles: (real) => ({
      ...real,
      remove: async (path) => (path.endsWith('probe') ? await real.remove(path) : undefined),
    }),
  },
  { name: 'positions in snapshots are one too far', position: (next) => next + 1 },
  { name: 'positions in snapshots are one too low', position: (next) => Math.max(0, next - 1) },
  {
    name: 'a batch in flight at the barrier is in no snapshot',
    createOperator: (real) => (spec, parts) => holdsBatchBack(real(spec, parts)),
  },
  {
    name: 'a snapshot shares memory with the state that goes on',
    createOperator: (real) => (spec, parts) => sharesMemory(real(spec, parts)),
  },
  {
    name: 'a removed state is in no capture of changes',
    createStateTable: (real) => (options) => losesRemovals(real(options)),
  },
  {
    name: 'a capture of changes misses what changed while the one before was copied',
    createStateTable: (real) => (options) => forgetsChanges(real(options)),
  },
  {
    name: 'state that changes build on is removed with its checkpoint',
    storage: () => removesBases,
  },
  {
    name: 'changes build on a checkpoint that was given up',
    links: () => ({
      connected() {},
      down(worker, message, post, answer) {
        if (message.kind !== 'forget') return post(message);
        answer({ kind: 'forgotten', worker, checkpoint: message.checkpoint });
      },
      up: (_worker, message, answer) => answer(message),
    }),
  },
  {
    name: 'a blob counts as written before it is',
    storage: () => (real) => ({
      ...plain(real),
      async put(name, bytes) {
        const written = real.put(name, bytes);
        if (!name.endsWith('.state')) await written;
        else written.catch(() => {});
      },
    }),
  },
  {
    name: 'a manifest points to blobs of the one before',
    storage: () => {
      let before: Manifest | undefined;
      return changesManifests((manifest) => {
        const old = before;
        before = manifest;
        if (old === undefined) return manifest;
        return changeOperators(manifest, (operator, id) => ({
          ...operator,
          snapshots: old.operators[id]?.snapshots ?? operator.snapshots,
        }));
      });
    },
  },
  {
    name: 'a manifest forgets a transaction',
    storage: () =>
      changesManifests((manifest) =>
        changeOperators(manifest, (operator) => ({
          ...operator,
          transactions: operator.transactions.slice(1),
        })),
      ),
  },
  {
    name: 'a manifest names the modules of before the swap',
    storage: () => {
      let before: Manifest['modules'] | undefined;
      return changesManifests((manifest) => {
        const modules = before ?? manifest.modules;
        before = manifest.modules;
        return { ...manifest, modules };
      });
    },
  },
  {
    name: 'recovery takes the checkpoint before the newest',
    storage: () => (real) => ({
      ...plain(real),
      async list(prefix) {
        const names = await real.list(prefix);
        const manifests = names
          .filter((name) => MANIFEST.test(name))
          .sort((a, b) => Number(a.split('/')[1]) - Number(b.split('/')[1]));
        return manifests.length < 2 ? names : names.filter((name) => name !== manifests.at(-1));
      },
    }),
  },
  { name: 'sinks commit before the manifest is written', links: commitsEarly },
  { name: 'one worker swaps a barrier late', links: swapsLate },
  {
    name: 'a restore at another parallelism takes only its own part',
    changeStart: (start) => ({
      ...start,
      tasks: start.tasks.map((task) => ({
        ...task,
        restore: Object.fromEntries(
          Object.entries(task.restore).map(([step, parts]) => [
            step,
            parts.filter((part) => part.task === task.task),
          ]),
        ),
      })),
    }),
  },
  ...PLANTED_PROCESS_BUGS,
  ...PLANTED_IN_FLIGHT_BUGS,
  { name: 'a commit does not look for later attempts', storage: () => overlooksFences },
  { name: 'manifests of attempts that were over count', storage: () => overlooksNotes },
  { name: 'barriers overtake the batch before them', patch: overtakingBarriers },
];

function plain(store: BlobStore): BlobStore {
  return {
    put: (name, bytes) => store.put(name, bytes),
    create: (name, bytes) => store.create(name, bytes),
    get: (name) => store.get(name),
    list: (prefix) => store.list(prefix),
    delete: (name) => store.delete(name),
  };
}

function changesManifests(
  change: (manifest: Manifest) => Manifest,
): (real: BlobStore) => BlobStore {
  return (real) => ({
    ...plain(real),
    put(name, bytes) {
      if (!MANIFEST.test(name) || !(bytes instanceof Uint8Array)) {
        return real.put(name, bytes);
      }
      const manifest = JSON.parse(new TextDecoder().decode(bytes)) as Manifest;
      return real.put(name, encodeManifest(change(manifest)));
    },
  });
}

function changeOperators(
  manifest: Manifest,
  change: (operator: Manifest['operators'][string], id: string) => Manifest['operators'][string],
): Manifest {
  const entries = Object.entries(manifest.operators).map(([id, one]) => [id, change(one, id)]);
  return { ...manifest, operators: Object.fromEntries(entries) };
}

/** The operator with some of its methods replaced. */
function replaced(real: Operator, methods: Partial<Operator>): Operator {
  return new Proxy(real, {
    get(target, name) {
      const own: unknown = Reflect.get(methods, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function holdsBatchBack(real: Operator): Operator {
  let held: Batch | undefined;
  const holding = (out: Output): Output => ({
    batch(batch) {
      if (held !== undefined) out.batch(held);
      held = { bytes: batch.bytes.slice(), count: batch.count };
    },
    side: (name, batch) => out.side(name, batch),
  });
  return replaced(real, {
    onBatch: (batch, out) => real.onBatch(batch, holding(out)),
    onEnd(out) {
      if (held !== undefined) out.batch(held);
      held = undefined;
      real.onEnd(out);
    },
  });
}

function sharesMemory(real: Operator): Operator {
  let shared: Uint8Array | undefined;
  return replaced(real, {
    onBatch(batch, out) {
      real.onBatch(batch, out);
      const now = real.snapshot().keyed.state?.bytes;
      if (shared !== undefined && now?.length === shared.length) shared.set(now);
    },
    capture() {
      const snapshot = real.snapshot();
      shared = snapshot.keyed.state?.bytes;
      return snapshot;
    },
  });
}

/** A worker commits what it has acknowledged, without waiting for the others or the manifest. */
function commitsEarly(): LinkTampering {
  const posts: ((message: ToWorker) => void)[] = [];
  return {
    connected(worker, post) {
      posts[worker] = post;
    },
    down: (_worker, message, post) => post(message),
    up(worker, message, answer) {
      answer(message);
      if (message.kind !== 'acknowledged') return;
      posts[worker]({ kind: 'commit', checkpoint: message.checkpoint });
    },
  };
}

function swapsLate(): LinkTampering {
  return {
    connected() {},
    down(worker, message, post) {
      const late = message.kind === 'arm' && worker === 0;
      post(late ? { ...message, checkpoint: message.checkpoint + 1 } : message);
    },
    up: (_worker, message, answer) => answer(message),
  };
}

interface Sends {
  send(element: Element): boolean;
}

/** Every channel keeps one batch back and lets barriers pass it. */
function overtakingBarriers(): () => void {
  const held = new WeakMap<Sends, Batch>();
  const undo = [LocalChannel.prototype, RingSender.prototype].map((prototype: Sends) => {
    const { send } = prototype;
    prototype.send = function (this: Sends, element) {
      const batch = held.get(this);
      if (batch !== undefined) {
        if (element.kind === 'barrier') return send.call(this, element);
        if (!send.call(this, { kind: 'batch', batch })) return false;
        held.delete(this);
      }
      if (element.kind !== 'batch') return send.call(this, element);
      const { bytes, count } = element.batch;
      held.set(this, { bytes: bytes.slice(), count });
      return true;
    };
    return () => {
      prototype.send = send;
    };
  });
  return () => {
    for (const one of undo) one();
  };
}
