import { createCompiledRowKernel } from './compiled-row-kernel.ts';
import type { RowKernel } from './row-kernel.ts';

/** Makes the row kernel of one thread. */
export function createRowKernel(): RowKernel {
  return createCompiledRowKernel();
}
