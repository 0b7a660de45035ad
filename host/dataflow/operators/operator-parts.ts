import type { RowKernel } from '../../abi/row-kernel.ts';
import type { CompiledModule, Sandbox } from '../../sandbox/guest.ts';
import type { CreateStateTable } from '../../state/state-table.ts';
import type { CreateTimerTable } from '../../state/timer-table.ts';
import type { OperatorContext } from '../operator.ts';

/** What operators are made with. */
export interface OperatorParts {
  readonly context: OperatorContext;
  readonly sandbox: Sandbox;
  /** For steps with a function. */
  readonly module?: CompiledModule;
  /** The thread's. */
  readonly kernel: RowKernel;
  readonly createStateTable: CreateStateTable;
  /** Instead of the usual one. */
  readonly createTimerTable?: CreateTimerTable;
}

/** As `OperatorParts`, for steps with a function. */
export interface GuestOperatorParts extends OperatorParts {
  readonly module: CompiledModule;
}
