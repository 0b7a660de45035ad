import { FUNCTION_LOCALS_MAX, FUNCTION_NESTING_MAX } from '../../limits.ts';
import type { ByteReader } from './byte-reader.ts';
import { EDIT, type EditLog } from './edit-log.ts';
import { checkLimit, malformed } from './module-fault.ts';
import { OP } from './opcodes.ts';
import { ANY, NO_TYPES, typeName, V128 } from './value-type.ts';
import type { WasmModule } from './wasm-module.ts';

/**
 * The state of the walk over one function body: operand types, open blocks, and the segment whose
 * cost is being added up. One walk serves all bodies of a module, one after the other.
 *
 * Typing is the algorithm of the specification's appendix: after an unconditional branch the rest of
 * a block is dead, and popping below its base yields any type.
 */
export class BodyWalk {
  readonly module: WasmModule;
  readonly reader: ByteReader;
  readonly edits: EditLog;
  /** Offset of the instruction at hand, for faults and edits. */
  at = 0;

  readonly locals = new Uint8Array(FUNCTION_LOCALS_MAX);
  localCount = 0;
  wide = false;

  #operands = new Uint8Array(1024);
  height = 0;
  peak = 0;

  /** Open blocks; the body itself is the first. */
  depth = 0;
  /** Operand height at the start of the innermost block. */
  base = 0;
  /** The innermost block's rest cannot be reached. */
  dead = false;
  readonly #opcodes = new Uint8Array(FUNCTION_NESTING_MAX + 2);
  readonly #bases = new Int32Array(FUNCTION_NESTING_MAX + 2);
  readonly #deads = new Uint8Array(FUNCTION_NESTING_MAX + 2);
  readonly #regions = new Int32Array(FUNCTION_NESTING_MAX + 2);
  readonly #params: Uint8Array[] = [];
  readonly #results: Uint8Array[] = [];

  cost = 0;
  #region = 0;
  #segment = 0;

  constructor(module: WasmModule, reader: ByteReader) {
    this.module = module;
    this.reader = reader;
    this.edits = module.edits;
  }

  /** Starts on a body whose locals are set. */
  begin(results: Uint8Array): void {
    this.height = 0;
    this.peak = 0;
    this.depth = 0;
    this.base = 0;
    this.dead = false;
    this.cost = 0;
    this.#region = this.edits.add(this.reader.offset, EDIT.region, 0, 0);
    this.#segment = this.#region;
    this.open(OP.block, NO_TYPES, results);
  }

  // -- operands --

  push(type: number): void {
    if (this.height === this.#operands.length) this.#growOperands();
    this.#operands[this.height++] = type;
    if (this.height > this.peak) this.peak = this.height;
  }

  /** Pops an operand of this type; `ANY` takes every type. Returns the type found. */
  pop(expected: number): number {
    if (this.height === this.base) {
      if (this.dead) return ANY;
      return malformed(this.at, `expected ${typeName(expected)}, found no operand`);
    }
    const found = this.#operands[--this.height];
    if (found !== expected && found !== ANY && expected !== ANY) {
      malformed(this.at, `expected ${typeName(expected)}, found ${typeName(found)}`);
    }
    return found;
  }

  pushList(types: Uint8Array): void {
    for (let i = 0; i < types.length; i++) this.push(types[i]);
  }

  popList(types: Uint8Array): void {
    for (let i = types.length - 1; i >= 0; i--) {
      // Dead code yields all that is missing at once, so that the work stays in proportion.
      if (this.dead && this.height === this.base) return;
      this.pop(types[i]);
    }
  }

  /** As `popList`, leaving the operands where they are. */
  peekList(types: Uint8Array): void {
    const height = this.height;
    this.popList(types);
    this.height = height;
  }

  /** Pops and pushes what a packed signature says. */
  apply(signature: number): void {
    const first = signature & 0xff;
    if (first !== 0) {
      this.pop(first);
      const second = (signature >>> 8) & 0xff;
      if (second !== 0) {
        this.pop(second);
        const third = (signature >>> 16) & 0xff;
        if (third !== 0) this.pop(third);
      }
    }
    const result = signature >>> 24;
    if (result !== 0) this.push(result);
  }

  // -- blocks --

  /** Opens a block whose parameters were popped. */
  open(opcode: number, params: Uint8Array, results: Uint8Array): void {
    checkLimit(this.at, 'nested blocks', this.depth, FUNCTION_NESTING_MAX);
    this.#deads[this.depth] = this.dead ? 1 : 0;
    this.#bases[this.depth] = this.base;
    this.#regions[this.depth] = this.#region;
    this.#opcodes[this.depth] = opcode;
    this.#params[this.depth] = params;
    this.#results[this.depth] = results;
    this.depth++;
    this.base = this.height;
    this.dead = false;
    this.pushList(params);
  }

  /** Closes the innermost block and returns its opcode; its results are pushed. */
  close(): number {
    const top = this.depth - 1;
    const results = this.#results[top];
    this.#finish(results);
    if (this.#opcodes[top] === OP.if && !sameBytes(this.#params[top], results)) {
      malformed(this.at, 'an if without else must yield what it takes');
    }
    this.depth = top;
    this.height = this.base;
    this.base = this.#bases[top];
    this.dead = this.#deads[top] === 1;
    this.#region = this.#regions[top];
    this.pushList(results);
    return this.#opcodes[top];
  }

  /** Turns the innermost `if` to its other arm. */
  alternate(): void {
    const top = this.depth - 1;
    if (this.#opcodes[top] !== OP.if) malformed(this.at, 'else without if');
    this.#finish(this.#results[top]);
    this.#opcodes[top] = OP.else;
    this.height = this.base;
    this.dead = false;
    this.pushList(this.#params[top]);
  }

  /** Types a branch to this label takes. */
  labelTypes(label: number): Uint8Array {
    if (label >= this.depth) malformed(this.at, `there is no label ${label}`);
    const frame = this.depth - 1 - label;
    return this.#opcodes[frame] === OP.loop ? this.#params[frame] : this.#results[frame];
  }

  /** What follows in the innermost block cannot be reached. */
  stop(): void {
    this.height = this.base;
    this.dead = true;
  }

  // -- cost --

  /** Starts a segment after the instruction at hand, in the current region. */
  startSegment(): void {
    const last = this.edits.length - 1;
    // An empty segment right before is replaced, so that `end end end` makes one segment.
    if (this.cost === 0 && this.#segment === last && this.#segment !== this.#region) {
      this.edits.truncate(last);
    } else {
      this.closeSegment();
    }
    this.#segment = this.edits.add(this.reader.offset, EDIT.segment, 0, this.#region);
  }

  /** Starts the region of a loop after the instruction at hand. An iteration costs at least 1. */
  startRegion(): void {
    this.closeSegment();
    this.#region = this.edits.add(this.reader.offset, EDIT.region, 0, 0);
    this.#segment = this.#region;
    this.cost = 1;
  }

  closeSegment(): void {
    this.edits.addCost(this.#segment, this.cost);
    this.cost = 0;
  }

  /** Notes an edit at the instruction at hand, unless it cannot be reached. */
  note(kind: number, a: number): void {
    if (!this.dead) this.edits.add(this.at, kind, a, this.reader.offset - this.at);
  }

  addLocals(count: number, type: number): void {
    checkLimit(this.at, 'locals', this.localCount + count, FUNCTION_LOCALS_MAX);
    this.locals.fill(type, this.localCount, this.localCount + count);
    this.localCount += count;
    if (type === V128) this.wide = true;
  }

  #finish(results: Uint8Array): void {
    this.popList(results);
    if (this.height !== this.base) {
      malformed(this.at, `${this.height - this.base} operands are left at the end of a block`);
    }
  }

  #growOperands(): void {
    const larger = new Uint8Array(this.#operands.length * 2);
    larger.set(this.#operands);
    this.#operands = larger;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
