import type { ConnectorOptions } from '../../connectors/connector.ts';
import type { OnMalformed } from '../../connectors/source.ts';
import type { ProcessKind } from '../../model/process-description.ts';
import type { GuestLimits } from '../../sandbox/guest.ts';
import type { DocumentPath } from '../finding.ts';
import type { JoinHow, JoinType } from '../join-spec.ts';
import type { LookupRequestsSpec, LookupSpec } from '../lookup-spec.ts';
import type { ErrorPolicy, StreamOperation } from '../plan.ts';
import type { WindowShape, WindowTrigger } from '../window-spec.ts';

/** A source, step or sink of the document with its options read; names are not resolved yet. */
export type PlanNode =
  | SourceNode
  | GuestNode
  | KeyedNode
  | WindowedNode
  | ProcessNode
  | JoinNode
  | LookupNode
  | PassNode
  | StreamNode
  | DedupeNode
  | TopNode
  | SortNode
  | SinkNode;

interface NodeBase {
  /** As the document calls it: what `from` refers to. */
  readonly name: string;
  /** Operator id: the `uid`, else the name. */
  readonly id: string;
  readonly path: DocumentPath;
  readonly inputs: readonly NodeInput[];
  /** As given; undefined = to be derived. */
  readonly parallelism: number | undefined;
}

/** Steps that are fed by key: their rows carry the hash of their key. */
export type KeyFedNode = KeyedNode | WindowedNode | ProcessNode | DedupeNode | TopNode;

export function isKeyFed(node: PlanNode): node is KeyFedNode {
  return ['keyed', 'windowed', 'process', 'dedupe', 'top'].includes(node.kind);
}

/** A name in a `from`, and where it stands. */
export interface NodeInput {
  readonly name: string;
  /** The side output of the name that is read (`step:late`); undefined = its main output. */
  readonly side?: string;
  /** Which input of a step with two it is: 0 the first or left, 1 the second or right. 0 unless given. */
  readonly input?: number;
  readonly path: DocumentPath;
}

export interface EventTimeNode {
  /** Where the time comes from: a field, or `alias.function`. */
  readonly field: string | undefined;
  readonly assign: string | undefined;
  readonly limits: GuestLimits;
  readonly outOfOrdernessMs: number;
  readonly punctuated: string | undefined;
  readonly idleMs: number | undefined;
  readonly alignment: { readonly group: string; readonly maxDriftMs: number } | undefined;
}

export interface SourceNode extends NodeBase {
  readonly kind: 'source';
  readonly connector: string;
  readonly options: ConnectorOptions;
  /** `alias.Record`. */
  readonly record: string | undefined;
  readonly onMalformed: OnMalformed;
  readonly eventTime: EventTimeNode | undefined;
}

/** `alias.function` and the key of the step it stands at. */
interface FunctionNode extends NodeBase {
  readonly reference: string;
  readonly onError: ErrorPolicy;
  readonly limits: GuestLimits;
}

/** Steps that run one function of a module. */
export type FunctionalNode =
  | GuestNode
  | KeyedNode
  | WindowedNode
  | ProcessNode
  | (JoinNode & { readonly reference: string })
  | LookupNode;

export function isFunctionNode(node: PlanNode): node is FunctionalNode {
  return (
    ['guest', 'keyed', 'windowed', 'process', 'lookup'].includes(node.kind) || hasFunction(node)
  );
}

/** Semi and anti joins have none. */
function hasFunction(node: PlanNode): boolean {
  return node.kind === 'join' && node.reference !== undefined;
}

export interface GuestNode extends FunctionNode {
  readonly kind: 'guest';
  readonly functionKind: 'map' | 'filter' | 'flatMap';
}

export interface KeyedNode extends FunctionNode {
  readonly kind: 'keyed';
  readonly functionKind: 'reduce' | 'aggregate';
  readonly key: KeyNames | undefined;
  readonly emit: 'record' | 'batch' | 'end';
}

/** A `reduce`, `aggregate` or `apply` over windows. */
export interface WindowedNode extends FunctionNode {
  readonly kind: 'windowed';
  readonly functionKind: 'reduce' | 'aggregate' | 'apply';
  readonly key: KeyNames | undefined;
  readonly window: WindowShape;
  readonly trigger: WindowTrigger | undefined;
  readonly allowedLatenessMs: number;
}

/** A `join`: its inputs are the left one and the right one. */
export interface JoinNode extends NodeBase {
  readonly kind: 'join';
  readonly functionKind: 'join';
  readonly reference: string | undefined;
  readonly type: JoinType;
  readonly how: JoinHow;
  readonly leftKey: KeyNames;
  readonly rightKey: KeyNames;
  readonly onError: ErrorPolicy;
  readonly limits: GuestLimits;
}

/** A `join` whose right side is a table outside. */
export interface LookupNode extends FunctionNode {
  readonly kind: 'lookup';
  readonly functionKind: 'join';
  readonly type: LookupSpec['type'];
  readonly connector: string;
  readonly options: ConnectorOptions;
  readonly requests: LookupRequestsSpec;
  readonly leftKey: KeyNames;
  readonly rightKey: KeyNames;
}

/** `process`, `coProcess`, `broadcastProcess`. */
export interface ProcessNode extends FunctionNode {
  readonly kind: 'process';
  readonly functionKind: ProcessKind;
  readonly key: KeyNames | undefined;
  /** Of the second input of a `coProcess`. */
  readonly secondKey: KeyNames | undefined;
  readonly ttlMs: number | undefined;
}

/** `union`, or `keyBy` when it has a key, or what says how its rows are dealt. */
export interface PassNode extends NodeBase {
  readonly kind: 'pass';
  readonly key: KeyNames | undefined;
  readonly deal?: 'rebalance' | 'broadcast' | { readonly field: NodeInput };
}

/** `limit`, `sample`, `inspect`, `split`. */
export interface StreamNode extends NodeBase {
  readonly kind: 'stream';
  readonly operation:
    | Exclude<StreamOperation, { readonly kind: 'split' }>
    | { readonly kind: 'split'; readonly field: NodeInput; readonly sides: readonly string[] };
}

/** `dedupe`, or `distinct` when it has no key of its own: then all fields are. */
export interface DedupeNode extends NodeBase {
  readonly kind: 'dedupe';
  readonly key: KeyNames | 'all';
  readonly ttlMs: number | undefined;
}

/** `sort`. */
export interface SortNode extends NodeBase {
  readonly kind: 'sort';
  readonly by: readonly NodeInput[];
  readonly descending: boolean;
  readonly sizeMs: number;
  readonly offsetMs: number;
}

/** `topN`. */
export interface TopNode extends NodeBase {
  readonly kind: 'top';
  readonly key: KeyNames | undefined;
  readonly count: number;
  readonly by: NodeInput;
  readonly descending: boolean;
  readonly rank: NodeInput | undefined;
  readonly emit: 'record' | 'end';
}

export interface SinkNode extends NodeBase {
  readonly kind: 'sink';
  readonly connector: string;
  readonly options: ConnectorOptions;
}

/** Fields of a key as the document names them. */
export interface KeyNames {
  readonly names: readonly NodeInput[];
  readonly path: DocumentPath;
}
