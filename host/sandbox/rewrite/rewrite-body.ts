import { BULK, EDIT } from '../wasm/edit-log.ts';
import { OP } from '../wasm/opcodes.ts';
import { I32 } from '../wasm/value-type.ts';
import type { FunctionBody, WasmModule } from '../wasm/wasm-module.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { FunctionPlan } from './metering-plan.ts';

const I32_LT_S = 0x48;
const I32_LT_U = 0x49;
const I32_OR = 0x72;
const I32_SHR_U = 0x76;
const EMPTY_BLOCK = 0x40;

/** Bytes, by power of two, that a bulk instruction handles per fuel. */
const BYTES_PER_FUEL_LOG2 = 3;
/** Fuel per page grown: as if its bytes were filled. */
const FUEL_PER_PAGE = 65_536 >> BYTES_PER_FUEL_LOG2;
/** Fuel per table entry moved or filled. */
const FUEL_PER_ENTRY = 32;
/** Counts above fail or trap whatever they are; the product stays below 2^30. */
const COUNT_MAX = 65_536;

/** Indices of what the rewriter adds to a module. */
export interface AddedIndices {
  readonly fuelGlobal: number;
  readonly depthGlobal: number;
}

export interface BodyParts {
  readonly module: WasmModule;
  readonly body: FunctionBody;
  readonly plan: FunctionPlan;
  /** Plans of all functions, for the calls in the body. */
  readonly plans: readonly FunctionPlan[];
  readonly added: AddedIndices;
  /** Block type of the body's results, as encoded. */
  readonly blockType: Uint8Array;
  /** Called for each run of bytes that is copied. */
  readonly copied: (originalStart: number, rewrittenStart: number, length: number) => void;
}

/**
 * Writes a body with its charges. Fuel and depth count down; below zero the guest traps, and the sign
 * of the global tells the host why.
 *
 *     (locals) (local i32 fuel, depth, count)
 *     charge the entry; count depth
 *     block results                 ;; only when something is due at the exit
 *       … the body; `return` becomes a branch to the end of this block …
 *     end
 *     write fuel back; count depth back
 *     end
 */
export function rewriteBody(out: ByteWriter, parts: BodyParts): void {
  new BodyRewriter(out, parts).run();
}

class BodyRewriter {
  readonly #out: ByteWriter;
  readonly #parts: BodyParts;
  readonly #fuelLocal: number;
  readonly #depthLocal: number;
  readonly #countLocal: number;
  /** Offset in the upload up to which the body is written. */
  #from: number;

  constructor(out: ByteWriter, parts: BodyParts) {
    this.#out = out;
    this.#parts = parts;
    this.#fuelLocal = parts.body.localCount;
    this.#depthLocal = this.#fuelLocal + 1;
    this.#countLocal = this.#fuelLocal + 2;
    this.#from = parts.body.start;
  }

  run(): void {
    const { body, plan, blockType, module } = this.#parts;
    if (plan.folded) {
      this.#copyTo(body.end);
      return;
    }
    this.#locals();
    this.#entry(module.edits.a(body.editStart));
    const wrapped = plan.cached || plan.depth > 0;
    if (wrapped) {
      this.#out.byte(OP.block);
      this.#out.bytes(blockType);
    }
    for (let edit = body.editStart + 1; edit < body.editEnd; edit++) this.#edit(edit, wrapped);
    this.#copyTo(body.end);
    if (!wrapped) return;
    if (plan.cached) this.#storeFuel();
    if (plan.depth > 0) this.#leaveDepth();
    this.#out.byte(OP.end);
  }

  #locals(): void {
    const { body } = this.#parts;
    const groups = body.localGroups;
    this.#out.u32(groups + 1);
    this.#from = body.start + lebBytes(this.#parts.module.bytes, body.start);
    this.#copyTo(body.codeStart);
    this.#out.u32(3);
    this.#out.byte(I32);
  }

  #entry(cost: number): void {
    const { plan, added } = this.#parts;
    const out = this.#out;
    this.#subtract(OP.globalGet, added.fuelGlobal, Math.max(1, cost));
    if (plan.cached) {
      this.#set(OP.localSet, this.#fuelLocal);
    } else {
      this.#set(OP.localTee, this.#fuelLocal);
      this.#set(OP.globalSet, added.fuelGlobal);
    }
    if (plan.depth > 0) {
      this.#subtract(OP.globalGet, added.depthGlobal, plan.depth);
      this.#set(OP.localTee, this.#depthLocal);
      this.#set(OP.globalSet, added.depthGlobal);
      this.#set(OP.localGet, this.#depthLocal);
      this.#set(OP.localGet, this.#fuelLocal);
      out.byte(I32_OR);
    } else {
      this.#set(OP.localGet, this.#fuelLocal);
    }
    this.#trapIfNegative();
  }

  #edit(edit: number, wrapped: boolean): void {
    const { edits } = this.#parts.module;
    const offset = edits.offset(edit);
    const a = edits.a(edit);
    switch (edits.kind(edit)) {
      case EDIT.region:
      case EDIT.segment:
        if (a === 0) return;
        this.#copyTo(offset);
        this.#charge(a);
        return;
      case EDIT.call:
        if (this.#syncs(a)) this.#synced(offset, edits.b(edit));
        return;
      case EDIT.indirect:
        if (this.#parts.plan.cached) this.#synced(offset, edits.b(edit));
        return;
      case EDIT.return:
        if (!wrapped) return;
        this.#copyTo(offset);
        this.#from = offset + edits.b(edit);
        this.#set(OP.br, a);
        return;
      case EDIT.bulk:
        this.#copyTo(offset);
        this.#chargeBulk(a);
        return;
    }
  }

  /** Whether a call needs the fuel in its global: imports and folded functions do not touch it. */
  #syncs(callee: number): boolean {
    const { plan, plans, module } = this.#parts;
    if (!plan.cached || callee < module.importedFunctions) return false;
    return !plans[callee - module.importedFunctions].folded;
  }

  #synced(offset: number, length: number): void {
    this.#copyTo(offset);
    this.#storeFuel();
    this.#copyTo(offset + length);
    this.#set(OP.globalGet, this.#parts.added.fuelGlobal);
    this.#set(OP.localSet, this.#fuelLocal);
  }

  #charge(cost: number): void {
    const { plan, added } = this.#parts;
    if (plan.cached) this.#subtract(OP.localGet, this.#fuelLocal, cost);
    else this.#subtract(OP.globalGet, added.fuelGlobal, cost);
    this.#keepAndCheck();
  }

  /** The operand that counts is on top of the stack, and stays there. */
  #chargeBulk(unit: number): void {
    const { plan, added } = this.#parts;
    const out = this.#out;
    this.#set(OP.localTee, this.#countLocal);
    if (plan.cached) this.#set(OP.localGet, this.#fuelLocal);
    else this.#set(OP.globalGet, added.fuelGlobal);
    this.#set(OP.localGet, this.#countLocal);
    if (unit === BULK.bytes) {
      this.#constant(BYTES_PER_FUEL_LOG2);
      out.byte(I32_SHR_U);
    } else {
      // min(count, COUNT_MAX) × price
      this.#constant(COUNT_MAX);
      this.#set(OP.localGet, this.#countLocal);
      this.#constant(COUNT_MAX);
      out.byte(I32_LT_U);
      out.byte(OP.select);
      this.#constant(unit === BULK.pages ? FUEL_PER_PAGE : FUEL_PER_ENTRY);
      out.byte(OP.i32Mul);
    }
    out.byte(OP.i32Sub);
    this.#keepAndCheck();
  }

  /** Takes the fuel left from the stack, keeps it where it lives, and traps when it is negative. */
  #keepAndCheck(): void {
    const { plan, added } = this.#parts;
    this.#set(OP.localTee, this.#fuelLocal);
    if (!plan.cached) {
      this.#set(OP.globalSet, added.fuelGlobal);
      this.#set(OP.localGet, this.#fuelLocal);
    }
    this.#trapIfNegative();
  }

  #trapIfNegative(): void {
    const out = this.#out;
    this.#constant(0);
    out.byte(I32_LT_S);
    out.byte(OP.if);
    out.byte(EMPTY_BLOCK);
    if (this.#parts.plan.cached) this.#storeFuel();
    out.byte(OP.unreachable);
    out.byte(OP.end);
  }

  #storeFuel(): void {
    this.#set(OP.localGet, this.#fuelLocal);
    this.#set(OP.globalSet, this.#parts.added.fuelGlobal);
  }

  #leaveDepth(): void {
    this.#set(OP.localGet, this.#depthLocal);
    this.#constant(this.#parts.plan.depth);
    this.#out.byte(OP.i32Add);
    this.#set(OP.globalSet, this.#parts.added.depthGlobal);
  }

  #subtract(get: number, index: number, amount: number): void {
    this.#set(get, index);
    this.#constant(amount);
    this.#out.byte(OP.i32Sub);
  }

  /** An opcode and its index. */
  #set(opcode: number, index: number): void {
    this.#out.byte(opcode);
    this.#out.u32(index);
  }

  #constant(value: number): void {
    this.#out.byte(OP.i32Const);
    this.#out.s32(value);
  }

  #copyTo(offset: number): void {
    const { module, copied } = this.#parts;
    if (offset <= this.#from) return;
    copied(this.#from, this.#out.length, offset - this.#from);
    this.#out.copy(module.bytes, this.#from, offset);
    this.#from = offset;
  }
}

/** Bytes of the LEB128 number at `offset`. */
function lebBytes(bytes: Uint8Array, offset: number): number {
  let length = 1;
  while (bytes[offset + length - 1] >= 0x80) length++;
  return length;
}
