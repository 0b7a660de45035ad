import { isDeepStrictEqual } from 'node:util';
import { MillraceError } from '../../host/errors.ts';
import { keyGroupRange } from '../../host/model/key-group.ts';
import {
  type CheckpointStore,
  createCheckpointStore,
} from '../../host/runtime/checkpoint-store.ts';
import type { InFlightBatch } from '../../host/runtime/in-flight.ts';
import { readInFlight, writeInFlight } from '../../host/runtime/in-flight-files.ts';
import type { Manifest, TaskSnapshotRef } from '../../host/runtime/manifest.ts';
import { recoverCheckpoint } from '../../host/runtime/recover-checkpoint.ts';
import { readStateBlob } from '../../host/runtime/snapshot-files.ts';
import { StateChains } from '../../host/runtime/state-chains.ts';
import { createEngineStateTable } from '../../host/state/engine-state-table.ts';
import type { StateTable } from '../../host/state/state-table.ts';
import type { BlobStore } from '../../host/storage/blob-store.ts';
import { createMemoryBlobStore } from '../../host/storage/memory-blob-store.ts';
import {
  ALL_GROUPS,
  BY_PAGE,
  entriesByGroup,
  KEY_GROUPS,
  keyedBatch,
  removeKey,
  update,
} from './state-rows.ts';

const TASKS = 2;
const CHECKPOINTS = 4;
const OPERATOR = 'count';

/** What became of a job's checkpoints after one of its blobs was damaged. */
export type Outcome =
  /** The damage made no difference to what is read back. */
  | 'harmless'
  /** The newest checkpoint was refused; an older one was taken, or none was left. */
  | 'detected'
  /** What was read back is not what was written: this must never be. */
  | 'accepted';

/** A job's checkpoints, chains of changes and all, and damage done to copies of them. */
export interface MutationBench {
  /** Damages one blob in one way and recovers. Throws what is no `MillraceError`: that would have ended the host. */
  mutate(random: (below: number) => number): Promise<Outcome>;
}

export async function createMutationBench(): Promise<MutationBench> {
  const storage = createMemoryBlobStore();
  const written = await writeCheckpoints(storage);
  const blobs = new Map<string, Uint8Array>();
  for (const name of await storage.list('')) blobs.set(name, await storage.get(name));
  return {
    async mutate(random) {
      const damaged = createMemoryBlobStore();
      for (const [name, bytes] of blobs) await damaged.put(name, bytes);
      await damage(damaged, blobs, random);
      return await recover(damaged, written);
    },
  };
}

interface Written {
  readonly manifest: Manifest;
  readonly state: Map<number, string[]>;
  /** Rows in flight, in hex. */
  readonly rows: readonly string[];
}

async function writeCheckpoints(storage: BlobStore): Promise<readonly Written[]> {
  const store = createCheckpointStore(storage, { job: 'job', attempt: 1 });
  const tasks = Array.from({ length: TASKS }, (_, task) => ({
    table: createTable(),
    chains: new StateChains({ storage, yieldTurn: async () => {} }),
    pages: pagesOf(task),
  }));
  const written: Written[] = [];
  for (let checkpoint = 1; checkpoint <= CHECKPOINTS; checkpoint++) {
    const snapshots: TaskSnapshotRef[] = [];
    const state = new Map<number, string[]>();
    for (const [task, { table, chains, pages }] of tasks.entries()) {
      const changed = checkpoint === 1 ? pages : pages.slice(checkpoint * 3, checkpoint * 5);
      update(table, { objects: changed, key: BY_PAGE }, (_, i) => `${checkpoint}: ${i}`);
      if (checkpoint > 1) removeKey(table, pages[checkpoint], BY_PAGE);
      const capture = table.capture(chains.wantsChanges(OPERATOR));
      const captured = capture.proceed(Number.MAX_SAFE_INTEGER);
      if (captured === undefined) throw new Error('a small table takes more than one piece');
      const place = { checkpoint, attempt: 1, operator: OPERATOR, task };
      const { ref } = await chains.write(place, { keyed: { state: captured }, values: null });
      snapshots.push(ref);
      for (const [group, entries] of await readPart(storage, ref)) state.set(group, entries);
    }
    const place = { checkpoint, attempt: 1, chain: OPERATOR, task: 0 };
    const inFlight = await writeInFlight(storage, place, inFlightAt(checkpoint));
    const manifest = { ...manifestOf(checkpoint, snapshots), inFlight: inFlight && [inFlight] };
    await store.complete(manifest, '');
    written.push({ manifest, state, rows: await readRows(storage, manifest) });
  }
  return written;
}

function inFlightAt(checkpoint: number): readonly InFlightBatch[] {
  return Array.from({ length: 3 }, (_, i) => ({
    channel: { edge: 0, from: i % 2, to: 0 },
    at: i === 2 ? 'sender' : 'receiver',
    batch: keyedBatch([{ page: `in flight ${checkpoint}` }, { page: `${i}` }], BY_PAGE),
  }));
}

async function readRows(
  storage: BlobStore,
  { inFlight = [] }: Manifest,
): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const ref of inFlight) {
    for (const { batch } of await readInFlight(storage, ref)) {
      rows.push(Buffer.from(batch.bytes).toString('hex'));
    }
  }
  return rows;
}

function manifestOf(checkpoint: number, snapshots: readonly TaskSnapshotRef[]): Manifest {
  const nothing = { splits: [], transactions: [], watermarksMs: [0, 0], finished: [] };
  const split = { id: 'a', spec: null, position: checkpoint * 1_000_003 };
  return {
    format: 1,
    job: 'job',
    checkpoint,
    attempt: 1,
    completedAtMs: 1_700_000_000_000 + checkpoint,
    keyGroups: KEY_GROUPS,
    modules: { [OPERATOR]: { ref: 'text@1', digest: 'ab'.repeat(32) } },
    operators: {
      lines: { parallelism: TASKS, ...nothing, splits: [split], snapshots: [] },
      [OPERATOR]: { parallelism: TASKS, ...nothing, snapshots },
    },
    final: false,
  };
}

function createTable(): StateTable {
  return createEngineStateTable({ keyGroups: KEY_GROUPS, range: ALL_GROUPS, bytesMax: 2 ** 30 });
}

/** Pages whose keys are in the groups of a task. */
function pagesOf(task: number): readonly object[] {
  const range = keyGroupRange(task, KEY_GROUPS, TASKS);
  return Array.from({ length: 120 }, (_, i) => ({ page: `page ${i}` })).filter((object) => {
    const table = createTable();
    update(table, { objects: [object], key: BY_PAGE }, () => '');
    const [{ group }] = table.snapshot().groups;
    table.close();
    return group >= range.start && group < range.end;
  });
}

async function readPart(storage: BlobStore, part: TaskSnapshotRef) {
  const table = createTable();
  try {
    for (const ref of part.states) table.restore(await readStateBlob(storage, ref), ALL_GROUPS);
    return entriesByGroup(table.snapshot());
  } finally {
    table.close();
  }
}

async function recover(storage: BlobStore, written: readonly Written[]): Promise<Outcome> {
  const store: CheckpointStore = createCheckpointStore(storage, { job: 'job', attempt: 1 });
  try {
    const { manifest } = await recoverCheckpoint(store, { counts: () => true }, KEY_GROUPS);
    // Its manifest is gone, name and all, and so are all the others': as if the job had never run.
    if (manifest === undefined) return 'accepted';
    const before = written[manifest.checkpoint - 1];
    if (!isDeepStrictEqual(manifest, before.manifest)) return 'accepted';
    const state = new Map<number, string[]>();
    for (const part of manifest.operators[OPERATOR].snapshots) {
      for (const [group, entries] of await readPart(storage, part)) state.set(group, entries);
    }
    const rows = await readRows(storage, manifest);
    if (!isDeepStrictEqual([state, rows], [before.state, before.rows])) return 'accepted';
    return manifest.checkpoint === CHECKPOINTS ? 'harmless' : 'detected';
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === 'CHECKPOINT_CORRUPT') return 'detected';
    throw thrown;
  }
}

/** One of the ways in which disks, copies and people damage files. */
async function damage(
  storage: BlobStore,
  blobs: ReadonlyMap<string, Uint8Array>,
  random: (below: number) => number,
): Promise<void> {
  const names = [...blobs.keys()];
  const name = names[random(names.length)];
  const bytes = (blobs.get(name) as Uint8Array).slice();
  const other = blobs.get(names[random(names.length)]) as Uint8Array;
  const at = random(bytes.length);
  const length = 1 + random(64);
  switch (random(9)) {
    case 0:
      bytes[at] ^= 1 << random(8);
      break;
    case 1:
      bytes[at] = random(256);
      break;
    case 2:
      bytes.fill(random(2) * 255, at, at + length);
      break;
    case 3:
      bytes.copyWithin(at, random(bytes.length), random(bytes.length));
      break;
    case 4:
      for (let i = at; i < Math.min(at + length, bytes.length); i++) bytes[i] = random(256);
      break;
    case 5:
      return await storage.put(name, bytes.subarray(0, at));
    case 6:
      return await storage.put(name, [bytes, other.subarray(0, length)]);
    case 7:
      return await storage.put(name, other);
    default:
      return await storage.delete(name);
  }
  await storage.put(name, bytes);
}
