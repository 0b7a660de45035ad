import { expect, test } from 'vitest';
import { CHANGES_CHAINED_MAX } from '../../host/limits.ts';
import { chainsOf } from '../../host/runtime/manifest-blobs.ts';
import { mergeChain } from '../../host/runtime/merge-chain.ts';
import { persistCapture } from '../../host/runtime/persist-capture.ts';
import { StateChains } from '../../host/runtime/state-chains.ts';
import { createEngineStateTable } from '../../host/state/engine-state-table.ts';
import { createMemoryBlobStore } from '../../host/storage/memory-blob-store.ts';
import { ALL_GROUPS, BY_USER, entriesByGroup, KEY_GROUPS, update } from '../kit/state-rows.ts';

const KEYS = 2_000;

/** A task with one keyed state, and what it writes at each checkpoint. */
function createChainBench() {
  const storage = createMemoryBlobStore();
  const yieldTurn = async () => {};
  const chains = new StateChains({ storage, yieldTurn });
  const table = createEngineStateTable({
    keyGroups: KEY_GROUPS,
    range: ALL_GROUPS,
    bytesMax: 2 ** 30,
  });
  const put = (from: number, to: number, text: string) => {
    const objects = Array.from({ length: to - from }, (_, i) => ({ user: from + i }));
    update(table, { objects, key: BY_USER }, () => text);
  };
  const write = async (checkpoint: number) => {
    const capture = table.capture(chains.wantsChanges('count'));
    const captured = capture.proceed(Number.MAX_SAFE_INTEGER) ?? expect.unreachable();
    const place = { checkpoint, attempt: 1, operator: 'count', task: 0 };
    return await chains.write(place, { keyed: { state: captured }, values: null });
  };
  return { storage, chains, table, put, write };
}

test('a chain is read back as what its last link saw, and costs what changed', async () => {
  const { storage, table, put, write } = createChainBench();
  put(0, KEYS, 'a');
  const first = await write(1);
  put(10, 20, 'b');
  const second = await write(2);
  expect(second.bytes).toBeLessThan(first.bytes / 50);
  expect(second.ref.states.map(({ blob, changes }) => [blob, changes])).toEqual([
    ['checkpoints/1/count-0-0-a1.state', undefined],
    ['checkpoints/2/count-0-0-a1.state', true],
  ]);
  const [chain] = chainsOf(second.ref);
  const merged = await mergeChain(storage, chain, KEY_GROUPS);
  expect(entriesByGroup(merged)).toEqual(entriesByGroup(table.snapshot()));
});

test('nothing changed is nothing written', async () => {
  const { storage, put, write } = createChainBench();
  put(0, KEYS, 'a');
  const first = await write(1);
  const second = await write(2);
  expect(second).toEqual({ ref: first.ref, bytes: 0 });
  expect(await storage.list('checkpoints/2/')).toEqual([]);
});

test('a chain is written whole again when it is long, or when much has changed', async () => {
  const { put, write } = createChainBench();
  put(0, KEYS, 'a');
  const links: number[] = [];
  for (let checkpoint = 1; checkpoint <= CHANGES_CHAINED_MAX + 2; checkpoint++) {
    put(checkpoint, checkpoint + 2, `${checkpoint}`);
    links.push((await write(checkpoint)).ref.states.length);
  }
  expect(links.slice(-3)).toEqual([CHANGES_CHAINED_MAX, CHANGES_CHAINED_MAX + 1, 1]);
  put(0, KEYS * 0.4, 'x');
  expect((await write(20)).ref.states.length).toBe(2);
  put(0, KEYS * 0.4, 'y');
  expect((await write(21)).ref.states.length).toBe(3);
  put(0, 1, 'z');
  expect((await write(22)).ref.states.length).toBe(1);
});

test('what builds on a blob that could not be written fails, and what follows is whole', async () => {
  const { storage, put, write, chains } = createChainBench();
  put(0, KEYS, 'a');
  await write(1);
  put(1, 2, 'b');
  const { put: real } = storage;
  storage.put = async () => {
    throw new Error('the disk is full');
  };
  await expect(write(2)).rejects.toThrow('the disk is full');
  storage.put = real;
  expect(chains.wantsChanges('count')).toBe(false);
  expect((await write(3)).ref.states.map(({ blob }) => blob)).toEqual([
    'checkpoints/3/count-0-0-a1.state',
  ]);
});

test('nothing builds on a checkpoint that was given up, be it written or not', async () => {
  const { put, write, chains } = createChainBench();
  put(0, KEYS, 'a');
  await write(1);
  chains.forget(1);
  expect((await write(2)).ref.states.length).toBe(1);
  chains.forget(3);
  put(0, 1, 'b');
  await expect(write(3)).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
  expect((await write(4)).ref.states.length).toBe(1);
});

test('changes that come while what they build on is being written wait for it, or fail with it', async () => {
  const { put, write, chains, table } = createChainBench();
  put(0, KEYS, 'a');
  await write(1);
  put(0, 1, 'b');
  const [second, third] = [write(2), write(3)];
  expect((await second).ref.states.length).toBe(2);
  expect((await third).ref).toEqual((await second).ref);
  chains.forget(2);
  const captured = table.capture(true).proceed(Number.MAX_SAFE_INTEGER) ?? expect.unreachable();
  expect(captured.changes).toBe(true);
  const place = { checkpoint: 4, attempt: 1, operator: 'count', task: 0 };
  await expect(
    chains.write(place, { keyed: { state: captured }, values: null }),
  ).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
});

test('a step whose capture is not written, because another one failed, begins anew as well', async () => {
  const { storage, put, table, chains } = createChainBench();
  const captured = () => {
    const capture = table.capture(chains.wantsChanges('count'));
    return capture.proceed(Number.MAX_SAFE_INTEGER) ?? expect.unreachable();
  };
  const persist = (checkpoint: number, broken: boolean) => {
    const state = captured();
    const other = { parts: [new Uint8Array(8)], groups: [], changes: broken };
    const rest = { splits: undefined, transaction: undefined, inFlight: [], deadLetters: [] };
    return persistCapture(
      { storage, chains },
      { attempt: 1, chain: 'count', task: 0, index: 0 },
      {
        ...rest,
        checkpoint,
        snapshots: [
          { operator: 'other', snapshot: { keyed: { state: other }, values: null } },
          { operator: 'count', snapshot: { keyed: { state }, values: null } },
        ],
        watermarkMs: 0,
        finished: false,
        pauseMs: 0,
      },
    );
  };
  put(0, KEYS, 'a');
  expect((await persist(1, false)).kind).toBe('acknowledged');
  chains.breakOff(['other']);
  put(0, 1, 'b');
  // Changes that build on nothing.
  expect((await persist(2, true)).kind).toBe('declined');
  expect(chains.wantsChanges('count')).toBe(false);
});
