import type { CapturedState, KeyedSnapshot, KeyGroupPiece, StateCapture } from './state-table.ts';

/** A part of one key group's entries, somewhere in a piece that was copied. */
interface Run {
  readonly bytes: Uint8Array;
  readonly entries: number;
}

/** Gathers what a capture copies, in the order it comes, and puts it together by key group. Copies nothing. */
export class CaptureParts {
  readonly #runs = new Map<number, Run[]>();

  add(group: number, bytes: Uint8Array, entries: number): void {
    const runs = this.#runs.get(group);
    if (runs === undefined) this.#runs.set(group, [{ bytes, entries }]);
    else runs.push({ bytes, entries });
  }

  finish(changes: boolean): CapturedState {
    const parts: Uint8Array[] = [];
    const groups: KeyGroupPiece[] = [];
    let offset = 0;
    for (const [group, runs] of [...this.#runs].sort(([a], [b]) => a - b)) {
      let length = 0;
      let entries = 0;
      for (const run of runs) {
        parts.push(run.bytes);
        length += run.bytes.length;
        entries += run.entries;
      }
      groups.push({ group, offset, length, entries });
      offset += length;
    }
    return { parts, groups, changes };
  }
}

/** Completes a capture at once, as a snapshot. */
export function completeCapture(capture: StateCapture): KeyedSnapshot {
  for (;;) {
    const captured = capture.proceed(Number.MAX_SAFE_INTEGER);
    if (captured === undefined) continue;
    const { parts, groups, changes } = captured;
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return changes ? { bytes, groups, changes } : { bytes, groups };
  }
}
