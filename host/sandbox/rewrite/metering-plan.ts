import { CALL_DEPTH_MAX } from '../../limits.ts';
import { EDIT } from '../wasm/edit-log.ts';
import type { FunctionBody, WasmModule } from '../wasm/wasm-module.ts';
import { type CallGraph, createCallGraph } from './call-graph.ts';

/**
 * Decides where fuel is charged and which functions count depth.
 *
 * P1 Every instruction that runs was charged before, at the start of its segment or of the region
 *    that holds it: the region's head runs first and nothing in a region runs twice per entry.
 * P2 Cheap segments are folded into their region's head, so that small branches cost no check; a
 *    region takes in at most `REGION_FOLD_MAX`, so that a large `switch` is not charged as a whole.
 * P3 A small function without loops that only direct calls reach charges nothing itself: its whole cost
 *    is part of its callers' segments.
 * P4 Only functions that can reach themselves count depth. The others lie at most once on a stack;
 *    when even their longest chain is too long, every function that calls another counts.
 */
export interface MeteringPlan {
  /** By defined function. */
  readonly functions: readonly FunctionPlan[];
}

export interface FunctionPlan {
  /** Its cost is charged by its callers: no code is added. */
  readonly folded: boolean;
  /** Fuel lives in a local during the function, written back around calls. */
  readonly cached: boolean;
  /** Depth units to count, 0 = none. */
  readonly depth: number;
  /** It has a bulk instruction. */
  readonly bulk: boolean;
}

/** Cost from which a segment pays for itself. */
const SEGMENT_COST_MIN = 32;
/** Cost of conditional segments that a region's head takes in. */
const REGION_FOLD_MAX = 256;
/** Cost up to which a function is charged by its callers. */
const FUNCTION_FOLD_MAX = 48;
/** Slots of a frame per unit of depth. */
const SLOTS_PER_DEPTH = 32;

/** Fuel of one call of an imported function, by function index. */
export type ImportCost = (functionIndex: number) => number;

export function planMetering(module: WasmModule, importCost: ImportCost): MeteringPlan {
  const graph = createCallGraph(module);
  const folded = foldCosts(module, graph, importCost);
  const depths = countDepths(module, graph);
  const functions = module.bodies.map((body, node) => {
    const shape = settleCosts(module, body, folded, importCost);
    return { folded: folded[node] >= 0, depth: depths[node], ...shape };
  });
  return { functions };
}

/** Cost by function where callers pay for it, -1 elsewhere. */
function foldCosts(module: WasmModule, graph: CallGraph, importCost: ImportCost): Int32Array {
  const costs = new Int32Array(module.bodies.length).fill(-1);
  for (const node of graph.order) {
    const index = node + module.importedFunctions;
    if (node >= module.bodies.length || graph.recursive[node] === 1) continue;
    if (module.referenced.has(index) || module.addressTaken.has(index)) continue;
    if (index === module.start) continue;
    const cost = totalCost(module, module.bodies[node], costs, importCost);
    if (cost <= FUNCTION_FOLD_MAX) costs[node] = cost;
  }
  return costs;
}

/** Cost of one run at most; infinite when the body has a loop or something of unknown cost. */
function totalCost(
  module: WasmModule,
  body: FunctionBody,
  folded: Int32Array,
  importCost: ImportCost,
): number {
  const { edits, importedFunctions } = module;
  let total = 0;
  for (let edit = body.editStart; edit < body.editEnd; edit++) {
    switch (edits.kind(edit)) {
      case EDIT.region:
        if (edit !== body.editStart) return Number.POSITIVE_INFINITY;
        total += edits.a(edit);
        break;
      case EDIT.segment:
        total += edits.a(edit);
        break;
      case EDIT.call: {
        const callee = edits.a(edit);
        const cost =
          callee < importedFunctions ? importCost(callee) : folded[callee - importedFunctions];
        if (cost < 0) return Number.POSITIVE_INFINITY;
        total += cost;
        break;
      }
      case EDIT.indirect:
      case EDIT.bulk:
        return Number.POSITIVE_INFINITY;
    }
  }
  return total;
}

/** Adds the callees' cost to the segments, then folds the cheap ones; the log then holds what to charge. */
function settleCosts(
  module: WasmModule,
  body: FunctionBody,
  folded: Int32Array,
  importCost: ImportCost,
): { readonly cached: boolean; readonly bulk: boolean } {
  const { edits, importedFunctions } = module;
  // Most bodies have no loop, and then nobody asks.
  let calling: Set<number> | undefined;
  let loops = 0;
  let bulk = false;
  let segment = body.editStart;
  let region = body.editStart;
  for (let edit = body.editStart; edit < body.editEnd; edit++) {
    switch (edits.kind(edit)) {
      case EDIT.region:
        if (edit !== body.editStart) loops++;
        fold(module, segment, region);
        segment = edit;
        region = edit;
        break;
      case EDIT.segment:
        fold(module, segment, region);
        segment = edit;
        region = edits.b(edit);
        break;
      case EDIT.call: {
        const callee = edits.a(edit);
        const imported = callee < importedFunctions;
        const cost = imported ? importCost(callee) : folded[callee - importedFunctions];
        if (cost >= 0) edits.addCost(segment, cost);
        else calling = withRegion(calling, region);
        break;
      }
      case EDIT.indirect:
        calling = withRegion(calling, region);
        break;
      case EDIT.bulk:
        bulk = true;
        break;
    }
  }
  fold(module, segment, region);
  calling?.delete(body.editStart);
  // A loop that calls nothing is where fuel in a local pays; one that calls would sync each time.
  return { cached: loops > (calling?.size ?? 0), bulk };
}

function withRegion(regions: Set<number> | undefined, region: number): Set<number> {
  return (regions ?? new Set()).add(region);
}

function fold({ edits }: WasmModule, segment: number, region: number): void {
  if (segment === region) return;
  const cost = edits.a(segment);
  const taken = edits.b(region);
  if (cost >= SEGMENT_COST_MIN || taken + cost > REGION_FOLD_MAX) return;
  edits.setA(segment, 0);
  edits.setB(region, taken + cost);
  edits.addCost(region, cost);
}

/** Depth units per function, 0 where none are counted. */
function countDepths(module: WasmModule, graph: CallGraph): Int32Array {
  const { bodies } = module;
  const depths = new Int32Array(bodies.length);
  const units = (node: number): number =>
    node < bodies.length ? 1 + Math.floor(bodies[node].frameSlots / SLOTS_PER_DEPTH) : 0;
  const chains = longestChains(graph, units);
  const tooLong = chains.some((chain) => chain > CALL_DEPTH_MAX);
  for (let node = 0; node < bodies.length; node++) {
    const calls = graph.starts[node + 1] > graph.starts[node];
    if (graph.recursive[node] === 1 || (tooLong && calls)) depths[node] = units(node);
  }
  return depths;
}

/** Units of the longest chain of calls from each node through functions that are not recursive. */
function longestChains(graph: CallGraph, units: (node: number) => number): Float64Array {
  const { starts, targets, order, component, recursive } = graph;
  const chains = new Float64Array(order.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    let longest = 0;
    // Members of one cycle share the chain that leaves it.
    for (; last < order.length && component[order[last]] === component[order[first]]; last++) {
      const node = order[last];
      for (let i = starts[node]; i < starts[node + 1]; i++) {
        if (component[targets[i]] !== component[node]) {
          longest = Math.max(longest, chains[targets[i]]);
        }
      }
    }
    for (let i = first; i < last; i++) {
      const own = recursive[order[i]] === 1 ? 0 : units(order[i]);
      chains[order[i]] = longest + own;
    }
    first = last;
  }
  return chains;
}
