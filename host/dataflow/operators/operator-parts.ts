import type { RowKernel } from '../../abi/row-kernel.ts';
import type { Clock } from '../../clock.ts';
import type { LookupTable } from '../../connectors/lookup.ts';
import type { CompiledModule, Sandbox } from '../../sandbox/guest.ts';
import type { CreateStateTable } from '../../state/state-table.ts';
import type { CreateTimerTable } from '../../state/timer-table.ts';
import type { OperatorContext } from '../operator.ts';

/** What a lookup asks, by which clock, and how it makes its task look at it again. */
export interface LookupParts {
  readonly table: LookupTable;
  readonly clock: Clock;
  wake(): void;
}

/** What operators are made with. */
export interface OperatorParts {
  readonly context: OperatorContext;
  readonly sandbox: Sandbox;
  /** For steps with a function. */
  readonly module?: CompiledModule;
  /** The thread's. */
  readonly kernel: RowKernel;
  readonly createStateTable: CreateStateTable;
  /** For lookups. */
  readonly lookup?: LookupParts;
  /** Instead of the usual one. */
  readonly createTimerTable?: CreateTimerTable;
}

/** As `OperatorParts`, for steps with a function. */
export interface GuestOperatorParts extends OperatorParts {
  readonly module: CompiledModule;
}
