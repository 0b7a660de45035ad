import type { RowKernel } from '../abi/row-kernel.ts';
import type { Clock } from '../clock.ts';
import type { Connector } from '../connectors/connector.ts';
import type { Operator } from '../dataflow/operator.ts';
import type { OperatorParts } from '../dataflow/operators/operator-parts.ts';
import type { StepSpec } from '../dataflow/plan.ts';
import type { Sandbox } from '../sandbox/guest.ts';
import type { CreateStateTable } from '../state/state-table.ts';
import type { BlobStore } from '../storage/blob-store.ts';

/** What tasks are built from. Every worker thread makes its own; tests and the simulation put in theirs. */
export interface TaskParts {
  readonly clock: Clock;
  readonly connectors: ReadonlyMap<string, Connector>;
  readonly sandbox: Sandbox;
  readonly kernel: RowKernel;
  readonly createStateTable: CreateStateTable;
  readonly createOperator: CreateOperator;
  /** Blobs of the job, by names relative to its directory. */
  readonly storage: BlobStore;
  /** Lets the event loop have a turn. */
  readonly yieldTurn: () => Promise<void>;
}

export type CreateOperator = (spec: StepSpec, parts: OperatorParts) => Operator;

/** What a module named as `StartJobParts.taskPartsModule` exports under the name `createTaskParts`. */
export type CreateTaskParts = (directory: string) => TaskParts | Promise<TaskParts>;
