import type { WindowDocument } from '../document/steps/window-schema.ts';
import type { WindowShape, WindowTrigger } from '../window-spec.ts';
import type { WindowedNode } from './node.ts';
import { durationMs } from './node-parts.ts';

/** What a step's `window` says. The schema has checked that it is of one kind. */
export function windowParts(
  window: WindowDocument,
  allowedLateness: string | undefined,
): Pick<WindowedNode, 'kind' | 'window' | 'trigger' | 'allowedLatenessMs'> {
  return {
    kind: 'windowed',
    window: windowShape(window),
    trigger: windowTrigger(window.trigger),
    allowedLatenessMs: durationMs(allowedLateness ?? window.allowedLateness) ?? 0,
  };
}

/** The windows that a document describes. */
export function windowShape(window: WindowDocument): WindowShape {
  const { tumbling, sliding, every, session, count } = window;
  if (session !== undefined) return { kind: 'session', gapMs: durationMs(session) ?? 0 };
  if (count !== undefined) {
    return { kind: 'count', size: count, every: typeof every === 'number' ? every : count };
  }
  const sizeMs = durationMs(tumbling ?? sliding);
  if (sizeMs === undefined) return { kind: 'global' };
  return {
    kind: 'aligned',
    sizeMs,
    everyMs: typeof every === 'string' ? (durationMs(every) ?? sizeMs) : sizeMs,
    offsetMs: durationMs(window.offset) ?? 0,
    time: window.time ?? 'event',
  };
}

function windowTrigger(trigger: WindowDocument['trigger']): WindowTrigger | undefined {
  if (trigger === undefined) return undefined;
  return {
    count: trigger.count,
    everyMs: durationMs(trigger.every),
    purge: trigger.purge ?? false,
  };
}
