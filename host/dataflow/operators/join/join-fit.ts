import { formatRecord, sameLayout } from '../../../model/schema.ts';
import type { CompiledModule } from '../../../sandbox/guest.ts';
import type { JoinSpec, JoinType } from '../../join-spec.ts';

/** The sides that a join of a type may lack in a pair. */
export function missingSides(type: JoinType): { readonly left: boolean; readonly right: boolean } {
  return {
    left: type === 'right' || type === 'full',
    right: type === 'left' || type === 'full',
  };
}

/** What keeps a module from running at a join beyond what keeps it from any step (`functionDifferences`). */
export function joinDifferences(spec: JoinSpec, module: CompiledModule): readonly string[] {
  const found = module.description.functions.find(({ name }) => name === spec.function?.name);
  if (found?.join === undefined) return [];
  const { right, leftOptional, rightOptional } = found.join;
  const differences: string[] = [];
  if (!sameLayout(right, spec.right)) {
    const has = formatRecord(right);
    const message = `the right record of function "${found.name}" is ${has}, the step has ${formatRecord(spec.right)}`;
    differences.push(message);
  }
  const missing = missingSides(spec.type);
  for (const [side, can, must] of [
    ['left', leftOptional, missing.left],
    ['right', rightOptional, missing.right],
  ] as const) {
    if (must && !can) {
      differences.push(
        `function "${found.name}" always takes a ${side} record, a ${spec.type} join may have none`,
      );
    }
  }
  return differences;
}
