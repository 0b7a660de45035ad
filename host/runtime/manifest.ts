import type { Split } from '../connectors/source.ts';
import type { StepModules } from '../dataflow/plan.ts';
import type { Json } from '../model/json.ts';
import type { KeyGroupPiece } from '../state/state-table.ts';

/**
 * The one file that makes a checkpoint exist. Written last, atomically, as `checkpoints/<n>/manifest-a<attempt>.json` under the
 * job's directory; the blobs it names are beside it, or beside earlier manifests where state is a chain of changes. A blob is
 * removed when no manifest that is kept names it.
 */
export interface Manifest {
  readonly format: 1;
  readonly job: string;
  readonly checkpoint: number;
  readonly attempt: number;
  readonly completedAtMs: number;
  /** Key groups the states are dealt by; a restore must use the same number. */
  readonly keyGroups: number;
  /** What runs after this cut: the digests recovery starts with. */
  readonly modules: StepModules;
  /** By operator id. */
  readonly operators: { readonly [id: string]: OperatorManifest };
  /** Of unaligned checkpoints: the rows that barriers have overtaken, by task that held them. Absent = none. */
  readonly inFlight?: readonly InFlightRef[];
  /** Sources were at their end and every task had finished. */
  readonly final: boolean;
}

/** Batches, one after the other in one blob. */
export interface InFlightRef {
  readonly blob: string;
  readonly bytes: number;
  readonly crc32: number;
  readonly pieces: readonly InFlightPiece[];
}

/** A batch, with the channel it was on: index in `Plan.edges`, numbers of the tasks in their chains. */
export interface InFlightPiece {
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  /** What the sender held comes after what the receiver held. */
  readonly at: 'sender' | 'receiver';
  readonly bytes: number;
  readonly count: number;
}

export interface OperatorManifest {
  readonly parallelism: number;
  /** Sources: all splits with positions. */
  readonly splits: readonly Split[];
  /** Sinks: transactions to commit, one per task that wrote. */
  readonly transactions: readonly Json[];
  /** Steps: snapshots, one per task. */
  readonly snapshots: readonly TaskSnapshotRef[];
  /** Per task, where it counts: the watermark at the cut. */
  readonly watermarksMs: readonly number[];
  /** Tasks that had sent their end at the cut: after a restore their steps say nothing at the end. */
  readonly finished: readonly number[];
}

export interface TaskSnapshotRef {
  readonly task: number;
  readonly values: Json;
  /** By state, each a blob with everything and then those with changes, in order. Blobs may be of earlier checkpoints. */
  readonly states: readonly StateBlobRef[];
}

export interface StateBlobRef {
  readonly state: string;
  readonly blob: string;
  readonly bytes: number;
  /** CRC-32 of the blob's bytes. */
  readonly crc32: number;
  readonly groups: readonly KeyGroupPiece[];
  /** Only what changed since the blob before it in the list, of the same state. */
  readonly changes?: true;
}
