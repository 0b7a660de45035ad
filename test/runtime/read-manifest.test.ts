import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../host/errors.ts';
import { encodeManifest } from '../../host/runtime/encode-manifest.ts';
import type { Manifest } from '../../host/runtime/manifest.ts';
import { readManifest } from '../../host/runtime/read-manifest.ts';

const EXPECTED = { job: 'job-1', checkpoint: 7 };

const MANIFEST: Manifest = {
  format: 1,
  job: 'job-1',
  checkpoint: 7,
  attempt: 2,
  completedAtMs: 1,
  keyGroups: 128,
  modules: { counts: { ref: 'text@1', digest: 'abc' } },
  operators: {
    lines: {
      parallelism: 1,
      splits: [{ id: 's', spec: { path: 'a' }, position: 12 }],
      transactions: [],
      snapshots: [],
      watermarksMs: [5],
      finished: [0],
    },
    counts: {
      parallelism: 1,
      splits: [],
      transactions: [{ files: ['x'] }],
      snapshots: [
        {
          task: 0,
          values: null,
          states: [
            {
              state: 'state',
              blob: 'checkpoints/7/counts-0-0-a2.state',
              bytes: 48,
              crc32: 1,
              groups: [{ group: 3, offset: 0, length: 48, entries: 1 }],
            },
          ],
        },
      ],
      watermarksMs: [5],
      finished: [],
    },
  },
  final: false,
};

/** As it would be written: the checksum is right, whatever the rest. */
const bytesOf = (value: unknown) => encodeManifest(value as Manifest);

function codeOf(bytes: Uint8Array, expected = EXPECTED): string {
  try {
    readManifest(bytes, expected);
    return 'accepted';
  } catch (thrown) {
    return thrown instanceof MillraceError ? thrown.code : `threw ${String(thrown)}`;
  }
}

/** Every path in a value down to its leaves. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, one]) => pathsOf(one, [...path, key]))];
}

function replaceAt(value: unknown, path: readonly string[], by: unknown): unknown {
  if (path.length === 0) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[path[0]] = replaceAt(copy[path[0]], path.slice(1), by);
  return copy;
}

/** Where anything may stand: the connectors' and operators' own forms. */
const FREE = /splits\.\d+\.(spec|position)|transactions\.\d+|values|completedAtMs/;

describe('a manifest', () => {
  test('is read as it was written', () => {
    expect(readManifest(bytesOf(MANIFEST), EXPECTED)).toEqual(MANIFEST);
  });

  test('is refused wherever a part of it is something else', () => {
    for (const path of pathsOf(MANIFEST).filter((one) => one.length > 0)) {
      if (FREE.test(path.join('.'))) continue;
      for (const by of [null, {}, 'text', -1, 1.5, [null]]) {
        const original = path.reduce<unknown>(
          (at, key) => (at as Record<string, unknown>)[key],
          MANIFEST,
        );
        const anyList = path.at(-1) === 'transactions' && Array.isArray(by);
        if (anyList || sameKind(original, by)) continue;
        const damaged = bytesOf(replaceAt(MANIFEST, path, by));
        expect(`${path.join('.')}: ${codeOf(damaged)}`).toBe(
          `${path.join('.')}: CHECKPOINT_CORRUPT`,
        );
      }
    }
  });

  test('is refused when it is of another job or checkpoint', () => {
    expect(codeOf(bytesOf(MANIFEST), { job: 'job-2', checkpoint: 7 })).toBe('CHECKPOINT_CORRUPT');
    expect(codeOf(bytesOf(MANIFEST), { job: 'job-1', checkpoint: 8 })).toBe('CHECKPOINT_CORRUPT');
  });

  test('is refused when it has no checksum', () => {
    expect(codeOf(new TextEncoder().encode(JSON.stringify(MANIFEST)))).toBe('CHECKPOINT_CORRUPT');
  });

  test('keeps text that is not ASCII', () => {
    const modules = { counts: { ref: 'größe@1 “x”,"crc32":1}', digest: 'abc' } };
    expect(readManifest(bytesOf({ ...MANIFEST, modules }), EXPECTED).modules).toEqual(modules);
  });

  test('is refused when it was cut', () => {
    const bytes = bytesOf(MANIFEST);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(codeOf(bytes.subarray(0, length))).toBe('CHECKPOINT_CORRUPT');
    }
  });

  test('is refused when a single byte of it is another', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = bytesOf(MANIFEST);
        const before = bytes[at % bytes.length];
        bytes[at % bytes.length] = byte;
        expect(codeOf(bytes)).toBe(byte === before ? 'accepted' : 'CHECKPOINT_CORRUPT');
      }),
      { numRuns: 2000 },
    );
  });
});

/** Whether a damage is none: another text for a text, an empty object for the list of operators or modules, a number for a watermark. */
function sameKind(original: unknown, by: unknown): boolean {
  if (typeof original === 'string') return typeof by === 'string' && original !== 'job-1';
  if (typeof original === 'number') return original === 5 && typeof by === 'number';
  if (typeof original !== 'object' || Array.isArray(original)) return false;
  return JSON.stringify(by) === '{}' && 'counts' in (original as object);
}
