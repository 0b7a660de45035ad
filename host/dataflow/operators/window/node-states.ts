import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import { rowOffsets } from '../row-walk.ts';
import type { WindowFunction } from './window-function.ts';

/** The number of a node. */
export type Node = number;

/**
 * States of one call, on their way: a *node* is a state that was there before, rows to be folded into it or into none, or two nodes to be
 * merged. First all is said (`loaded`, `fresh`, `add`, `merged`), then all is computed at once by a few guest calls (`compute`): one for all
 * rows, and one for each step that merges have to be made in.
 */
export class NodeStates {
  readonly #arena = new BatchBuilder();
  readonly #rows = new BatchBuilder();
  readonly #older = new BatchBuilder();
  readonly #newer = new BatchBuilder();
  /** By node: where its state is in the arena, length 0 when it has none yet. */
  #at: number[] = [];
  #length: number[] = [];
  /** Number of the node among those with rows; -1 = it has none. */
  #slot: number[] = [];
  /** Of merged nodes: what they are made of, and after how many steps. */
  #parts: ([Node, Node] | undefined)[] = [];
  #step: number[] = [];
  #withRows: Node[] = [];

  clear(): void {
    this.#arena.clear();
    this.#rows.clear();
    this.#at = [];
    this.#length = [];
    this.#slot = [];
    this.#parts = [];
    this.#step = [];
    this.#withRows = [];
  }

  /** A state that was there before, copied. */
  loaded(bytes: Uint8Array, at: number, length: number): Node {
    return this.#make(this.#keep(bytes, at, length), length, undefined, 0);
  }

  /** No state yet: rows are to follow. */
  fresh(): Node {
    return this.#make(0, 0, undefined, 0);
  }

  /** A row is folded into the node, which is no merged one. */
  add(node: Node, bytes: Uint8Array, at: number, length: number): void {
    if (this.#slot[node] < 0) {
      this.#slot[node] = this.#withRows.length;
      this.#withRows.push(node);
    }
    append(this.#rows, bytes.subarray(at, at + length), this.#slot[node]);
  }

  /** Both, `older` first. */
  merged(older: Node, newer: Node): Node {
    const step = Math.max(this.#step[older], this.#step[newer]) + 1;
    return this.#make(0, 0, [older, newer], step);
  }

  /** Makes the states of all nodes. Throws what the calls throw. */
  compute(fold: WindowFunction): void {
    this.#fold(fold);
    const last = this.#step.reduce((a, b) => Math.max(a, b), 0);
    for (let step = 1; step <= last; step++) this.#merge(fold, step);
  }

  /** Appends the state of a node that was computed. */
  appendState(node: Node, out: BatchBuilder): void {
    append(out, this.#stateOf(node), 0);
  }

  stateBytes(node: Node): number {
    return this.#length[node];
  }

  /** Copies a node's state to `to` of `out`, where there is room for it. */
  writeState(node: Node, out: Uint8Array, to: number): void {
    out.set(this.#stateOf(node), to);
  }

  #fold(fold: WindowFunction): void {
    if (this.#rows.count === 0) return;
    this.#older.clear();
    for (const [slot, node] of this.#withRows.entries()) {
      if (this.#length[node] === 0) continue;
      append(this.#older, this.#stateOf(node), slot);
    }
    const states = fold.fold(this.#rows.batch(), this.#older.batch(), this.#withRows.length);
    this.#take(states, this.#withRows);
  }

  #merge(fold: WindowFunction, step: number): void {
    this.#older.clear();
    this.#newer.clear();
    const nodes: Node[] = [];
    for (const [node, parts] of this.#parts.entries()) {
      if (parts === undefined || this.#step[node] !== step) continue;
      const [older, newer] = parts;
      append(this.#older, this.#stateOf(older), nodes.length);
      append(this.#newer, this.#stateOf(newer), nodes.length);
      nodes.push(node);
    }
    const states = fold.merge(this.#newer.batch(), this.#older.batch(), nodes.length);
    this.#take(states, nodes);
  }

  /** Keeps states, each tagged with a place in `nodes`. */
  #take(states: Batch, nodes: readonly Node[]): void {
    const view = new DataView(states.bytes.buffer, states.bytes.byteOffset, states.bytes.length);
    for (const at of rowOffsets(states).subarray(0, states.count)) {
      const node = nodes[view.getUint32(at + ROW_TAG_OFFSET, true)];
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      this.#at[node] = this.#keep(states.bytes, at, length);
      this.#length[node] = length;
    }
  }

  #stateOf(node: Node): Uint8Array {
    const at = this.#at[node];
    return this.#arena.bytes.subarray(at, at + this.#length[node]);
  }

  #keep(bytes: Uint8Array, at: number, length: number): number {
    const to = this.#arena.length;
    append(this.#arena, bytes.subarray(at, at + length), 0);
    return to;
  }

  #make(at: number, length: number, parts: [Node, Node] | undefined, step: number): Node {
    this.#at.push(at);
    this.#length.push(length);
    this.#slot.push(-1);
    this.#parts.push(parts);
    return this.#step.push(step) - 1;
  }
}

function append(out: BatchBuilder, row: Uint8Array, tag: number): void {
  const { length } = row;
  const to = out.reserve(length);
  out.bytes.set(row, to);
  out.view.setUint32(to + ROW_TAG_OFFSET, tag, true);
  out.commit(length, 1);
}
