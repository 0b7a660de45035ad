/**
 * Where the rewriter will touch a module's code: noted by the validator while it walks the bodies, in
 * order of offsets, four numbers each, so that the rewriter need not decode the code again.
 *
 *     offset   kind      a                         b
 *     ──────   ────      ─                         ─
 *     after    REGION    cost of the segment       0, later the cost folded in
 *     after    SEGMENT   cost of the segment       edit of its region
 *     at       CALL      function index            bytes of the instruction
 *     at       INDIRECT  –                         bytes of the instruction
 *     at       RETURN    label of the body         –
 *     at       BULK      what it counts (`BULK`)    bytes of the instruction
 *
 * A *segment* is code without a join or a fork: who enters it enters at its start. A *region* is a
 * function body or a loop body without the loops inside it; its first segment comes before all others.
 */
export const EDIT = {
  region: 0,
  segment: 1,
  call: 2,
  indirect: 3,
  return: 4,
  bulk: 5,
} as const;

/** What a bulk instruction counts in its last or only operand; decides its fuel. */
export const BULK = {
  /** Bytes moved or filled. */
  bytes: 0,
  /** Pages grown by. */
  pages: 1,
  /** Table entries moved, filled or grown by. */
  entries: 2,
} as const;

const NUMBERS = 4;

export class EditLog {
  #data = new Int32Array(NUMBERS * 1024);
  /** Edits so far. */
  length = 0;

  add(offset: number, kind: number, a: number, b: number): number {
    const at = this.length * NUMBERS;
    if (at === this.#data.length) {
      const larger = new Int32Array(at * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[at] = offset;
    this.#data[at + 1] = kind;
    this.#data[at + 2] = a;
    this.#data[at + 3] = b;
    return this.length++;
  }

  offset(edit: number): number {
    return this.#data[edit * NUMBERS];
  }

  kind(edit: number): number {
    return this.#data[edit * NUMBERS + 1];
  }

  a(edit: number): number {
    return this.#data[edit * NUMBERS + 2];
  }

  b(edit: number): number {
    return this.#data[edit * NUMBERS + 3];
  }

  setA(edit: number, a: number): void {
    this.#data[edit * NUMBERS + 2] = a;
  }

  setB(edit: number, b: number): void {
    this.#data[edit * NUMBERS + 3] = b;
  }

  addCost(edit: number, cost: number): void {
    this.#data[edit * NUMBERS + 2] += cost;
  }

  /** Forgets the edits from `edit` on. */
  truncate(edit: number): void {
    this.length = edit;
  }
}
