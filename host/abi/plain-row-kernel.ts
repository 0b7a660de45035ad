import assert from 'node:assert';
import type { Batch } from '../model/batch.ts';
import { WATERMARK_MIN_MS } from '../model/element.ts';
import { keyGroupOf, taskOfKeyGroup } from '../model/key-group.ts';
import type { KeySpec } from '../model/key-spec.ts';
import type { BatchBuilder } from './batch-builder.ts';
import { eventTimeAt } from './event-time.ts';
import { keyBytesOf } from './key-bytes.ts';
import { hashKey } from './key-hash.ts';
import { ROW_HEADER_BYTES, ROW_TAG_OFFSET } from './layout.ts';
import type { RowKernel } from './row-kernel.ts';

/** The row kernel in plain TypeScript, a row at a time: the reference that the compiled one is held against. */
export function createPlainRowKernel(): RowKernel {
  return {
    hashKeys(batch, key) {
      forEachRow(batch, (view, at) => writeHash(view, at, key));
    },

    partition(batch, keyGroups, targets) {
      forEachRow(batch, (view, at, length) => {
        const group = keyGroupOf(view.getUint32(at + ROW_TAG_OFFSET, true), keyGroups);
        const target = targets[taskOfKeyGroup(group, keyGroups, targets.length)];
        appendRow(target, batch.bytes.subarray(at, at + length));
      });
    },

    partitionByKey(batch, key, keyGroups, targets) {
      const hashed = { bytes: batch.bytes.slice(), count: batch.count };
      this.hashKeys(hashed, key);
      this.partition(hashed, keyGroups, targets);
    },

    maxEventTime(batch) {
      let max = WATERMARK_MIN_MS;
      forEachRow(batch, (view, at) => {
        max = Math.max(max, eventTimeAt(view, at));
      });
      return max;
    },
  };
}

function forEachRow(
  batch: Batch,
  visit: (view: DataView, at: number, length: number) => void,
): void {
  const { bytes, count } = batch;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let row = 0; row < count; row++) {
    assert(at + ROW_HEADER_BYTES <= bytes.length, 'a batch ends before its last row');
    const length = view.getUint32(at, true);
    assert(
      length >= ROW_HEADER_BYTES && length % 8 === 0 && at + length <= bytes.length,
      'a row has a length that does not fit its batch',
    );
    visit(view, at, length);
    at += length;
  }
  assert(at === bytes.length, 'a batch has more bytes than its rows');
}

function writeHash(view: DataView, at: number, key: KeySpec): void {
  view.setUint32(at + ROW_TAG_OFFSET, hashKey(keyBytesOf(view, at, key)), true);
}

function appendRow(target: BatchBuilder, row: Uint8Array): void {
  const at = target.reserve(row.length);
  target.bytes.set(row, at);
  target.commit(row.length, 1);
}
