import { parseDuration, parseSize } from '../../model/quantity.ts';
import type { DocumentPath } from '../finding.ts';
import type { KeyNames, NodeInput } from './node.ts';

/** What a step or sink reads: names, each with the side output it means, if any. */
export function inputsAt(path: DocumentPath, names: string | readonly string[]): NodeInput[] {
  return namesAt(path, names).map((input) => {
    const colon = input.name.indexOf(':');
    if (colon < 0) return input;
    const side = input.name.slice(colon + 1);
    return { name: input.name.slice(0, colon), side, path: input.path };
  });
}

/** A name has the path of its `from`, a name in a list its index as well. */
function namesAt(path: DocumentPath, names: string | readonly string[]): NodeInput[] {
  if (typeof names === 'string') return [{ name: names, path }];
  return names.map((name, i) => ({ name, path: [...path, i] }));
}

export function keyAt(path: DocumentPath, names: string | readonly string[]): KeyNames {
  return { names: namesAt(path, names), path };
}

// The schema has read these texts before: they are durations and sizes.
export function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

export function sizeBytes(text: string): number {
  return parseSize(text) ?? 0;
}
