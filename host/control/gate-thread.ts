import { fileURLToPath } from 'node:url';
import type { Piscina } from 'piscina';
import { GATE_HEAP_MIB, GATE_IDLE_MS, GATE_TIMEOUT_MS } from '../admission-limits.ts';
import { MillraceError } from '../errors.ts';
import { stripTypesFlags } from '../runtime/strip-types-flags.ts';
import type { GateReport } from '../sandbox/guest.ts';
import type { GateAnswer } from './gate-worker.ts';
import { createLanes } from './lanes.ts';

/** Gates uploads without keeping this thread. Throws what the gate throws, `UPLOADS_BUSY`, `MODULE_NOT_ADMITTED`. */
export type GateUpload = (upload: Uint8Array) => Promise<GateReport>;

export interface GateThread {
  readonly gate: GateUpload;
  close(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('./gate-worker.ts', import.meta.url));

/**
 * The gate in a thread of its own, one upload after the other: a module of 1 MiB keeps it for 20 ms, which no request and no
 * stream of this process shall wait for. The thread starts with the first upload and ends when none came for a while. The gate is
 * linear in the bytes; should that ever fail, its thread is ended at its limits of time and heap, and the next upload has a new one.
 */
export function createGateThread(timeoutMs = GATE_TIMEOUT_MS): GateThread {
  const oneAtATime = createLanes(1);
  let pool: Promise<Piscina> | undefined;
  return {
    gate: (upload) =>
      oneAtATime(async () => {
        pool ??= startPool();
        const answer = await run(await pool, upload, timeoutMs);
        if (answer.ok) return answer.report;
        throw MillraceError.fromReport(answer.error);
      }),
    close: async () => (await pool)?.destroy(),
  };
}

async function startPool(): Promise<Piscina> {
  const { Piscina } = await import('piscina');
  const missing = stripTypesFlags().filter((flag) => !process.execArgv.includes(flag));
  return new Piscina({
    filename: PROGRAM,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: GATE_IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: GATE_HEAP_MIB },
    env: {},
    ...(missing.length > 0 ? { execArgv: [...missing] } : {}),
  });
}

async function run(pool: Piscina, upload: Uint8Array, timeoutMs: number): Promise<GateAnswer> {
  try {
    return (await pool.run(upload, { signal: AbortSignal.timeout(timeoutMs) })) as GateAnswer;
  } catch (cause) {
    const timedOut = cause instanceof Error && cause.name === 'AbortError';
    const reason = timedOut ? `more than ${timeoutMs / 1_000} s` : 'more memory than it may';
    throw new MillraceError('MODULE_NOT_ADMITTED', `the gate needed ${reason} for the module`, {
      hint: 'build with optimisation and without debug sections; please report it with the module',
      cause,
    });
  }
}
