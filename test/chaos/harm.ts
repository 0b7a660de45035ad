import type { Random } from '../simulation/random.ts';

/** Calls to the file system in which a process is ended or stopped, as `shim.c` names them, and how many an attempt soon has. */
const CALLS = {
  sync: 60,
  rename: 25,
  link: 1,
  unlink: 25,
  mkdir: 10,
  truncate: 1,
  write: 80,
} as const;

type Call = keyof typeof CALLS;

const CALLS_DRAWN: readonly Call[] = [
  'sync',
  'sync',
  'rename',
  'rename',
  'link',
  'unlink',
  'unlink',
  'mkdir',
  'truncate',
  'write',
];

/** What happens to one attempt. */
export type Harm =
  /** Killed, or stopped and resumed when another attempt runs, in its nth call of a kind. */
  | {
      readonly kind: 'kill in call' | 'stop in call';
      readonly call: Call;
      readonly number: number;
      readonly when: 'before' | 'after';
    }
  /** The same at a moment. */
  | { readonly kind: 'kill' | 'stop'; readonly afterMs: number }
  /** A worker thread ends by itself. */
  | { readonly kind: 'end worker'; readonly afterMs: number };

/** Draws what happens to an attempt. Without the shim there are no calls to meet. */
export function drawHarm(random: Random, hasShim: boolean): Harm {
  const draw = random.between(0, 99);
  if (hasShim && draw < 60) {
    const call = random.pick(CALLS_DRAWN);
    return {
      kind: draw < 42 ? 'kill in call' : 'stop in call',
      call,
      number: random.between(1, CALLS[call]),
      when: random.chance(0.5) ? 'before' : 'after',
    };
  }
  const afterMs = random.between(0, 500);
  if (draw < 80) return { kind: 'kill', afterMs };
  if (draw < 92) return { kind: 'stop', afterMs };
  return { kind: 'end worker', afterMs };
}

/** The environment by which a process does harm to itself. */
export function environmentOf(harm: Harm | undefined): Record<string, string> {
  if (harm === undefined) return {};
  if (harm.kind === 'end worker') return { MILLRACE_CHAOS_WORKER_MS: String(harm.afterMs) };
  if (!('call' in harm)) return {};
  const { call, number, when } = harm;
  const action = harm.kind === 'kill in call' ? 'kill' : 'stop';
  return { MILLRACE_CHAOS: `${action}:${when}:${call}:${number}` };
}

/** A few words for a report. */
export function describeHarm(harm: Harm | undefined): string {
  if (harm === undefined) return 'unharmed';
  if ('call' in harm) return `${harm.kind} ${harm.when} ${harm.call} ${harm.number}`;
  return `${harm.kind} after ${harm.afterMs} ms`;
}
