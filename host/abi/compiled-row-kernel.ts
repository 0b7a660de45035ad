import assert from 'node:assert';
import { KEY_BYTES_MAX, KEY_GROUPS_MAX, PARALLELISM_MAX } from '../limits.ts';
import type { Batch } from '../model/batch.ts';
import { WATERMARK_MIN_MS } from '../model/element.ts';
import type { KeySpec } from '../model/key-spec.ts';
import type { BatchBuilder } from './batch-builder.ts';
import { keyDescriptor } from './kernel/key-descriptor.ts';
import { type KernelExports, loadKernel } from './kernel/load-kernel.ts';
import { keyTooLarge } from './key-bytes.ts';
import { NO_TIME_HIGH } from './layout.ts';
import type { RowKernel } from './row-kernel.ts';

const KEY_TOO_LARGE = -2;

/** The row kernel on trusted WebAssembly: a batch is copied in, worked on, and its answer copied out. */
export function createCompiledRowKernel(): RowKernel {
  return new CompiledRowKernel();
}

class CompiledRowKernel implements RowKernel {
  readonly #wasm: KernelExports = loadKernel();
  readonly #input: number;
  readonly #targets: number;
  /** The kernel's memory, made anew when it grew. */
  #memory: Uint8Array;
  #words: Uint32Array;
  #room = 0;
  #key: KeySpec | undefined;
  #keyGroups = 0;
  #parallelism = 0;

  constructor() {
    this.#input = this.#wasm.inputAt();
    this.#targets = this.#wasm.targetsAt();
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    this.#words = new Uint32Array(this.#wasm.memory.buffer);
  }

  hashKeys(batch: Batch, key: KeySpec): void {
    const { bytes } = batch;
    this.#hash(batch, key);
    bytes.set(this.#memory.subarray(this.#input, this.#input + bytes.length));
  }

  partition(batch: Batch, keyGroups: number, targets: readonly BatchBuilder[]): void {
    this.#copyIn(batch.bytes);
    this.#deal(batch, keyGroups, targets);
  }

  partitionByKey(
    batch: Batch,
    key: KeySpec,
    keyGroups: number,
    targets: readonly BatchBuilder[],
  ): void {
    this.#hash(batch, key);
    this.#deal(batch, keyGroups, targets);
  }

  /** In place: reading two words a row costs less than copying the rows to anywhere. */
  maxEventTime(batch: Batch): number {
    const { bytes, count } = batch;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    let max = WATERMARK_MIN_MS;
    let at = 0;
    for (let row = 0; row < count; row++) {
      const high = words[at + 3];
      const low = words[at + 2];
      const time = high * 0x1_0000_0000 + (low >>> 0);
      if (time > max && (high !== NO_TIME_HIGH || low !== 0)) max = time;
      at += words[at] >>> 2;
    }
    assert(at === words.length, 'a batch has more or fewer bytes than its rows');
    return max;
  }

  #hash(batch: Batch, key: KeySpec): void {
    this.#copyIn(batch.bytes);
    if (key !== this.#key) this.#useKey(key);
    const status = this.#wasm.hashKeys(batch.bytes.length, batch.count);
    // A long key can have made the memory grow, whatever came of it.
    if (this.#memory.length === 0) this.#refresh();
    check(status);
  }

  #deal(batch: Batch, keyGroups: number, targets: readonly BatchBuilder[]): void {
    if (keyGroups !== this.#keyGroups || targets.length !== this.#parallelism) {
      assert(keyGroups <= KEY_GROUPS_MAX && targets.length <= PARALLELISM_MAX);
      assert(
        targets.length > 0 && targets.length <= keyGroups,
        'targets do not fit the key groups',
      );
      this.#wasm.useTargets(keyGroups, targets.length);
      this.#keyGroups = keyGroups;
      this.#parallelism = targets.length;
    }
    check(this.#wasm.partition(batch.bytes.length, batch.count));
    for (let i = 0; i < targets.length; i++) {
      const entry = (this.#targets >>> 2) + 4 * i;
      const length = this.#words[entry];
      if (length === 0) continue;
      const from = this.#words[entry + 2];
      const target = targets[i];
      const at = target.reserve(length);
      target.bytes.set(this.#memory.subarray(from, from + length), at);
      target.commit(length, this.#words[entry + 1]);
    }
  }

  #copyIn(bytes: Uint8Array): void {
    if (bytes.length > this.#room) {
      this.#room = Math.max(1 << 17, 2 ** Math.ceil(Math.log2(bytes.length)));
      check(this.#wasm.reserve(this.#room));
      this.#refresh();
    }
    this.#memory.set(bytes, this.#input);
  }

  #useKey(key: KeySpec): void {
    this.#words.set(keyDescriptor(key), this.#wasm.descriptorAt() >>> 2);
    this.#wasm.useKey(KEY_BYTES_MAX);
    this.#key = key;
  }

  #refresh(): void {
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    this.#words = new Uint32Array(this.#wasm.memory.buffer);
  }
}

/** Rows were validated when they came in: what does not fit here is a fault of ours, but for the length of a key. */
function check(status: number): void {
  if (status === KEY_TOO_LARGE) throw keyTooLarge();
  assert(status >= 0, `the row kernel refuses a batch (${status})`);
}
