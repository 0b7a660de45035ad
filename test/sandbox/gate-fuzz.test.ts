import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { carriedModules } from '../kit/carried-modules.ts';
import { findingsOf, rewritten } from '../kit/parse-and-rewrite.ts';

/** Mutated modules per run; `MILLRACE_FUZZ_RUNS` asks for more. */
const RUNS = Number(process.env.MILLRACE_FUZZ_RUNS ?? 6_000);

const MODULES = carriedModules().filter(({ bytes }) => bytes.length < 30_000);

/** Bytes that are likely to matter: opcodes of every kind, section ids, flags. */
const TELLING = [
  ...[0x00, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x1a, 0x1b, 0x1c],
  ...[0x20, 0x21, 0x22, 0x23, 0x24, 0x28, 0x40, 0x41, 0x42, 0x60, 0x6a, 0x70, 0x7b, 0x7c, 0x7f],
  ...[0x80, 0xd0, 0xd2, 0xfb, 0xfc, 0xfd, 0xfe, 0xff],
];

type Mutation = readonly [place: number, kind: number, value: number];

/** A module with a few of its bytes changed, inserted, removed or moved. */
function mutate(bytes: Uint8Array, mutations: readonly Mutation[]): Uint8Array<ArrayBuffer> {
  let out = Uint8Array.from(bytes);
  for (const [place, kind, value] of mutations) {
    const at = 8 + (place % (out.length - 8));
    if (kind === 0) out[at] = value;
    else if (kind === 1) out[at] ^= 1 << (value % 8);
    else if (kind === 2) out[at] = TELLING[value % TELLING.length];
    else if (kind === 3) out[at] = out[8 + ((place * 7 + value) % (out.length - 8))];
    else if (kind === 4) out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(at + 1)]);
    else out = Uint8Array.from([...out.subarray(0, at), value, ...out.subarray(at)]);
  }
  return out;
}

const mutation = fc.tuple(fc.nat(1 << 24), fc.nat(5), fc.nat(255));
const mutated = fc
  .tuple(fc.nat(MODULES.length - 1), fc.array(mutation, { minLength: 1, maxLength: 4 }))
  .map(([index, mutations]) => mutate(MODULES[index].bytes, mutations));

describe('mutated modules', () => {
  test('are refused when the engine refuses them, and stay valid when rewritten', () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(mutated, (bytes) => {
        const valid = WebAssembly.validate(bytes);
        const out = rewritten(bytes);
        if (out === undefined) {
          refused++;
          return;
        }
        accepted++;
        expect(valid).toBe(true);
        expect(WebAssembly.validate(out)).toBe(true);
      }),
      { numRuns: RUNS },
    );
    // Both ways were tried, or the property says nothing.
    expect(accepted).toBeGreaterThan(RUNS / 20);
    expect(refused).toBeGreaterThan(RUNS / 4);
  }, 240_000);

  test('never make the parser fail in another way than by findings', () => {
    const anything = fc.uint8Array({ maxLength: 300 }).map((tail) => {
      return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...tail]);
    });
    fc.assert(
      fc.property(anything, (bytes) => {
        const findings = findingsOf(bytes);
        if (!WebAssembly.validate(bytes)) expect(findings).not.toEqual([]);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});
