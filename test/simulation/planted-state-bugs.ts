import type { CapturedState, StateCapture, StateTable } from '../../host/state/state-table.ts';
import type { BlobStore } from '../../host/storage/blob-store.ts';

const STATE_BLOB = /^checkpoints\/(\d+)\/.*\.state$/;
const MANIFEST = /^checkpoints\/(\d+)\/manifest-a\d+\.json$/;

/** Captures of changes do not tell what was removed. */
export function losesRemovals(real: StateTable): StateTable {
  return withCapture(real, (changes) => {
    const capture = real.capture(changes);
    return { ...plain(capture), proceed: (bytesMax) => kept(capture.proceed(bytesMax)) };
  });
}

/** The list of changes begins anew when the copying ends, not when it began. */
export function forgetsChanges(real: StateTable): StateTable {
  return withCapture(real, (changes) => {
    const capture = real.capture(changes);
    return {
      ...plain(capture),
      proceed(bytesMax) {
        const captured = capture.proceed(bytesMax);
        if (captured !== undefined) real.snapshot();
        return captured;
      },
    };
  });
}

/** As if a checkpoint needed none but its own blobs. */
export function removesBases(real: BlobStore): BlobStore {
  const put: BlobStore['put'] = async (name, bytes) => {
    await real.put(name, bytes);
    const completed = MANIFEST.exec(name);
    if (completed === null) return;
    for (const blob of await real.list('checkpoints/')) {
      const written = STATE_BLOB.exec(blob);
      if (written === null || Number(written[1]) >= Number(completed[1]) - 3) continue;
      await real.delete(blob);
    }
  };
  return withMethods(real, { put });
}

function withCapture(real: StateTable, capture: StateTable['capture']): StateTable {
  return withMethods(real, { capture });
}

function withMethods<T extends object>(real: T, methods: Partial<T>): T {
  return new Proxy(real, {
    get(target, name) {
      const own: unknown = Reflect.get(methods, name);
      const value: unknown = own ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function plain(capture: StateCapture): StateCapture {
  return {
    changes: capture.changes,
    proceed: (bytesMax) => capture.proceed(bytesMax),
    cancel: () => capture.cancel(),
  };
}

/** The same without entries that have no state. */
function kept(captured: CapturedState | undefined): CapturedState | undefined {
  if (captured === undefined || !captured.changes) return captured;
  const bytes = Buffer.concat(captured.parts);
  const parts: Uint8Array[] = [];
  let offset = 0;
  const groups = captured.groups.flatMap((piece) => {
    let length = 0;
    let entries = 0;
    for (let at = piece.offset; at < piece.offset + piece.length; ) {
      const state = bytes.readUInt32LE(at + 8);
      const size = 16 + ((bytes.readUInt32LE(at + 4) + 7) & ~7) + state;
      if (state > 0) {
        parts.push(bytes.subarray(at, at + size));
        length += size;
        entries += 1;
      }
      at += size;
    }
    const left = { group: piece.group, offset, length, entries };
    offset += length;
    return entries === 0 ? [] : [left];
  });
  return { parts, groups, changes: true };
}
