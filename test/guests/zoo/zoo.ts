import { descriptions } from './description.ts';
import { endless } from './endless.ts';
import { malformed } from './format.ts';
import { lies } from './lies.ts';
import { features, imports, limits } from './refusals.ts';
import type { Specimen } from './specimen.ts';
import { traps } from './traps.ts';

/** Every misbehaving module, by the fence that must catch it. */
export const ZOO: readonly Specimen[] = [
  ...malformed,
  ...features,
  ...limits,
  ...imports,
  ...descriptions,
  ...endless,
  ...lies,
  ...traps,
];
