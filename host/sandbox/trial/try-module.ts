import { TRIAL_FAILURES_MAX, TRIAL_FUNCTIONS_MAX } from '../../admission-limits.ts';
import { MillraceError } from '../../errors.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../../limits.ts';
import type { FunctionDescription } from '../../model/module-description.ts';
import { compileGated } from '../compile-gated.ts';
import type { CompiledModule, GuestInstance } from '../guest.ts';
import { createInstance } from '../instance.ts';
import type { FunctionTrial, TrialInput, TrialReport } from './trial.ts';
import { trialCalls } from './try-function.ts';

const LIMITS = {
  fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
  memoryPages: MEMORY_PAGES_MAX,
  outputBytes: OUTPUT_BYTES_MAX,
};

/**
 * Compiles a module that passed the gate, starts it, and runs each function over sample records, each record on its own. A
 * function may fail on records that nobody meant for it: that is reported. A module that does not start is refused.
 *
 * T1  A call that failed leaves no instance behind: the next one has a new one, as in a job.
 * T2  Work is bounded by fuel, records and functions; what that does not bound is for the process around.
 *
 * Throws `MODULE_NOT_ADMITTED`.
 */
export async function tryModule(input: TrialInput): Promise<TrialReport> {
  const startedMs = performance.now();
  const module = await compileGated(input);
  const compileMs = performance.now() - startedMs;
  const trial = new ModuleTrial(module);
  const { functions } = module.description;
  const tried = functions.map((one, i) => trial.run(one, i < TRIAL_FUNCTIONS_MAX));
  return {
    compileMs: round(compileMs),
    wallMs: round(performance.now() - startedMs),
    memoryBytes: trial.memoryBytes,
    functions: tried,
  };
}

class ModuleTrial {
  readonly #module: CompiledModule;
  #instance: GuestInstance;
  memoryBytes = 0;

  constructor(module: CompiledModule) {
    this.#module = module;
    this.#instance = start(module);
  }

  run(described: FunctionDescription, wanted: boolean): FunctionTrial {
    const calls = wanted ? trialCalls(described) : [];
    let records = 0;
    let failed = 0;
    let emitted = 0;
    let failure: string | null = null;
    const fuels: number[] = [];
    for (const call of calls) {
      if (failed === TRIAL_FAILURES_MAX) break;
      records++;
      try {
        emitted += call(this.#instance);
        fuels.push(this.#instance.lastFuel);
        this.memoryBytes = Math.max(this.memoryBytes, this.#instance.memoryBytes);
      } catch (thrown) {
        const { code, message } = MillraceError.from(thrown);
        failure ??= `${code}: ${message}`;
        failed++;
        this.#instance = start(this.#module);
      }
    }
    const fuel = fuels.reduce((sum, one) => sum + one, 0);
    return {
      name: described.name,
      records,
      failed,
      fuelPerRecord: fuels.length === 0 ? null : Math.round(fuel / fuels.length),
      fuelMost: fuels.length === 0 ? null : Math.max(...fuels),
      emitted,
      failure,
    };
  }
}

function start(module: CompiledModule): GuestInstance {
  try {
    return createInstance(module, LIMITS, () => {});
  } catch (cause) {
    const error = MillraceError.from(cause);
    throw new MillraceError('MODULE_NOT_ADMITTED', `the module does not start: ${error.message}`, {
      details: error.details,
      hint: 'no job could run it: look at the start function, _initialize and top-level statements',
      cause,
    });
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
