import type { SwappableOperator } from '../../operator.ts';
import type { WindowedSpec } from '../../window-spec.ts';
import type { GuestOperatorParts } from '../operator-parts.ts';
import { createAlignedWindowOperator } from './aligned-window-operator.ts';
import { createKeyWindowOperator } from './key-window-operator.ts';

/** Windows at fixed times fire for all keys at once; the others, and those with a trigger, are kept key by key. */
export function createWindowOperator(
  spec: WindowedSpec,
  parts: GuestOperatorParts,
): SwappableOperator {
  const { window, trigger } = spec;
  if (window.kind === 'aligned' && trigger === undefined) {
    return createAlignedWindowOperator(spec, window, parts);
  }
  return createKeyWindowOperator(spec, parts);
}
