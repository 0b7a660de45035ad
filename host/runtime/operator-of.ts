import type { Manifest, OperatorManifest } from './manifest.ts';

/** An operator's part of a manifest; undefined when the checkpoint does not know it. */
export function operatorOf(
  manifest: Manifest | undefined,
  id: string,
): OperatorManifest | undefined {
  const known = manifest !== undefined && Object.hasOwn(manifest.operators, id);
  return known ? manifest.operators[id] : undefined;
}
