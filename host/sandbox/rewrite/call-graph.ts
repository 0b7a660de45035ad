import { EDIT } from '../wasm/edit-log.ts';
import type { WasmModule } from '../wasm/wasm-module.ts';

/**
 * Who calls whom, by defined function (imports left out: they call nothing). One more node stands
 * for "whatever an indirect call reaches": callers of `call_indirect` point to it, it points to every
 * function whose address is taken.
 */
export interface CallGraph {
  /** Callees of node `n`: `targets[starts[n], starts[n + 1])`. */
  readonly starts: Int32Array;
  readonly targets: Int32Array;
  /** Nodes, callees before callers; the members of a cycle side by side. */
  readonly order: Int32Array;
  /** Cycle (strongly connected component) of each node, numbered in that order. */
  readonly component: Int32Array;
  /** 1 for functions that can reach themselves. */
  readonly recursive: Uint8Array;
}

/** Builds the graph in time linear in functions and calls, without recursion. */
export function createCallGraph(module: WasmModule): CallGraph {
  const edges = collectEdges(module);
  return { ...edges, ...components(edges.starts, edges.targets) };
}

interface Edges {
  readonly starts: Int32Array;
  readonly targets: Int32Array;
}

function collectEdges(module: WasmModule): Edges {
  const { edits, bodies, importedFunctions } = module;
  const indirect = bodies.length;
  const starts = new Int32Array(bodies.length + 2);
  const targets: number[] = [];
  for (let node = 0; node < bodies.length; node++) {
    const { editStart, editEnd } = bodies[node];
    starts[node] = targets.length;
    for (let edit = editStart; edit < editEnd; edit++) {
      const kind = edits.kind(edit);
      if (kind === EDIT.indirect) targets.push(indirect);
      else if (kind === EDIT.call && edits.a(edit) >= importedFunctions) {
        targets.push(edits.a(edit) - importedFunctions);
      }
    }
  }
  starts[indirect] = targets.length;
  for (const index of module.addressTaken) {
    if (index >= importedFunctions) targets.push(index - importedFunctions);
  }
  starts[indirect + 1] = targets.length;
  return { starts, targets: Int32Array.from(targets) };
}

/** Tarjan's algorithm with an explicit stack. */
function components(starts: Int32Array, targets: Int32Array) {
  const nodes = starts.length - 1;
  const order = new Int32Array(nodes);
  const component = new Int32Array(nodes).fill(-1);
  const recursive = new Uint8Array(nodes);
  const found = new Int32Array(nodes).fill(-1);
  const low = new Int32Array(nodes);
  const next = starts.slice(0, nodes);
  const path = new Int32Array(nodes);
  const open = new Int32Array(nodes);
  let pathLength = 0;
  let openLength = 0;
  let ordered = 0;
  let count = 0;
  let clock = 0;

  const enter = (node: number): void => {
    found[node] = clock;
    low[node] = clock++;
    path[pathLength++] = node;
    open[openLength++] = node;
  };
  const leave = (node: number): void => {
    pathLength--;
    if (pathLength > 0) {
      const parent = path[pathLength - 1];
      low[parent] = Math.min(low[parent], low[node]);
    }
    if (low[node] !== found[node]) return;
    const first = ordered;
    let member: number;
    do {
      member = open[--openLength];
      component[member] = count;
      order[ordered++] = member;
    } while (member !== node);
    count++;
    if (ordered - first > 1) for (let i = first; i < ordered; i++) recursive[order[i]] = 1;
  };
  for (let root = 0; root < nodes; root++) {
    if (found[root] >= 0) continue;
    enter(root);
    while (pathLength > 0) {
      const node = path[pathLength - 1];
      if (next[node] === starts[node + 1]) {
        leave(node);
        continue;
      }
      const target = targets[next[node]++];
      if (target === node) recursive[node] = 1;
      if (found[target] < 0) enter(target);
      else if (component[target] < 0) low[node] = Math.min(low[node], found[target]);
    }
  }
  return { order, component, recursive };
}
