import type { DiskCall } from './disk-calls.ts';
import type { Random } from './random.ts';
import { MISFIT, VERSIONS } from './workload.ts';
import { drawZombie, type Zombie } from './zombies.ts';

/** Something that goes wrong, or that somebody asks for, at a moment. Times are virtual milliseconds. */
export type Fault = { readonly atMs: number } & (
  | { readonly kind: 'kill process' | 'crash machine' | 'kill worker' }
  /** The caller dies in its `after`th call of this kind from then on, before or after it takes effect; `whole`: the machine. */
  | {
      readonly kind: 'die in call';
      readonly call: DiskCall;
      readonly after: number;
      readonly dies: 'before' | 'after';
      readonly whole: boolean;
    }
  /** So many calls of this kind fail. */
  | { readonly kind: 'i/o error'; readonly call: DiskCall; readonly times: number }
  | { readonly kind: 'disk full' | 'slow disk' | 'slow messages'; readonly forMs: number }
  | { readonly kind: 'clock jump'; readonly byMs: number }
  | { readonly kind: 'swap'; readonly step: 'stamp' | 'sum'; readonly version: string }
  | { readonly kind: 'checkpoint' | 'stop' | 'cancel' }
  | { readonly kind: 'pause'; readonly forMs: number }
  /** The supervisor believes the runner lost: it starts another. The old one is killed, or goes on. */
  | { readonly kind: 'lost'; readonly zombie?: Zombie }
);

const DEADLY_CALLS: readonly DiskCall[] = [
  'create',
  'write',
  'sync',
  'rename',
  'rename',
  'syncDirectory',
  'syncDirectory',
  'unlink',
  'makeDirectory',
  'list',
  'read',
  'look',
];
const FAILING_CALLS: readonly DiskCall[] = [
  'create',
  'write',
  'sync',
  'sync',
  'rename',
  'unlink',
  'makeDirectory',
  'syncDirectory',
  'read',
  'list',
];

/** What happens in a seed, in order. */
export function drawFaults(random: Random): readonly Fault[] {
  const count = random.chance(0.05) ? 0 : random.between(1, 9);
  const horizonMs = random.between(30, 250) + 50 * count;
  return Array.from({ length: count }, () => drawFault(random, horizonMs)).sort(
    (a, b) => a.atMs - b.atMs,
  );
}

function drawFault(random: Random, horizonMs: number): Fault {
  const atMs = Math.round(random.unit() * horizonMs * 10) / 10;
  const draw = random.between(0, 99);
  if (draw < 10) return { kind: 'kill process', atMs };
  if (draw < 16) return { kind: 'crash machine', atMs };
  if (draw < 21) return { kind: 'kill worker', atMs };
  if (draw < 43) {
    return {
      kind: 'die in call',
      atMs,
      call: random.pick(DEADLY_CALLS),
      after: random.between(1, 6),
      dies: random.pick(['before', 'after']),
      whole: random.chance(0.5),
    };
  }
  if (draw < 55) {
    const call = random.pick(FAILING_CALLS);
    return { kind: 'i/o error', atMs, call, times: random.chance(0.8) ? 1 : 3 };
  }
  const forMs = random.between(5, 300);
  if (draw < 60) return { kind: 'disk full', atMs, forMs };
  if (draw < 63) return { kind: 'slow disk', atMs, forMs };
  if (draw < 67) return { kind: 'slow messages', atMs, forMs };
  if (draw < 69) return { kind: 'clock jump', atMs, byMs: random.between(-100_000, 100_000) };
  if (draw < 81) {
    const version = random.chance(0.07) ? MISFIT : random.pick(VERSIONS);
    return { kind: 'swap', atMs, step: random.pick(['stamp', 'sum']), version };
  }
  if (draw < 88) return { kind: 'checkpoint', atMs };
  if (draw < 90) return { kind: 'stop', atMs };
  if (draw < 91) return { kind: 'cancel', atMs };
  if (draw < 93) return { kind: 'pause', atMs, forMs: forMs / 4 };
  return { kind: 'lost', atMs, zombie: drawZombie(random) };
}
