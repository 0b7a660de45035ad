/**
 * A guest function at work in one task: its live instance, a new one after each failure, and the version that
 * waits to take over.
 *
 * G1  Outside a call `instance` is alive.
 * G2  A staged version is not seen by any record until `swap`, which exchanges references and nothing else.
 * G3  Warming has no effects: results are dropped, logs are muted, failures only cost the warmth.
 */
import assert from 'node:assert';
import { ERRORS, MillraceError } from '../../errors.ts';
import { WARM_CALLS } from '../../limits.ts';
import type { CompiledModule, GuestInstance, GuestLog, Sandbox } from '../../sandbox/guest.ts';
import type { OperatorContext, OperatorCounters } from '../operator.ts';
import type { FunctionSpec } from '../plan.ts';
import { functionDifferences } from './function-fit.ts';

export interface GuestCallParts {
  readonly spec: FunctionSpec;
  readonly sandbox: Sandbox;
  readonly module: CompiledModule;
  readonly context: OperatorContext;
  readonly counters: OperatorCounters;
}

interface Staged {
  readonly instance: GuestInstance;
  readonly voice: Voice;
}

/** Whether what an instance logs is passed on. */
interface Voice {
  muted: boolean;
}

export class GuestCall {
  readonly #parts: GuestCallParts;
  #instance: GuestInstance;
  #staged: Staged | undefined;

  /** Throws `INTERNAL` when the module does not fit the step: whoever chose it should have known. */
  constructor(parts: GuestCallParts) {
    this.#parts = parts;
    const differences = functionDifferences(parts.spec, parts.module);
    if (differences.length > 0) {
      const message = `step "${parts.spec.id}" was given a module that does not fit`;
      throw new MillraceError('INTERNAL', message, { details: differences });
    }
    this.#instance = this.#instantiate(parts.module, { muted: false });
  }

  get instance(): GuestInstance {
    return this.#instance;
  }

  get digest(): string {
    return this.#instance.module.digest;
  }

  /**
   * After a call threw: counts it and puts a new instance in the place of the dead one. Returns the error, which the
   * step's policy decides about; one that is not a record's is thrown.
   */
  revive(thrown: unknown): MillraceError {
    const error = MillraceError.from(thrown);
    if (ERRORS[error.code].scope !== 'record') throw error;
    const { counters } = this.#parts;
    counters.traps += 1;
    counters.fuel += this.#instance.lastFuel;
    this.#instance = this.#replace(this.#instance.module);
    return error;
  }

  /** Makes `module` ready beside the one that runs; `run` makes one call without effects. Throws `UPDATE_REFUSED`. */
  stage(module: CompiledModule, run: (instance: GuestInstance) => void): void {
    const { spec } = this.#parts;
    const details = functionDifferences(spec, module);
    if (details.length > 0) {
      const message = `step "${spec.id}" cannot run the new version: ${details[0]}`;
      const hint = 'a version takes over when its function has the same kind and the same records';
      throw new MillraceError('UPDATE_REFUSED', message, { details, hint });
    }
    this.#staged = undefined;
    this.#staged = this.#warm(this.#tryInstantiate(module), run);
  }

  swap(): void {
    assert(this.#staged, 'a version is swapped in after it was staged');
    this.#staged.voice.muted = false;
    this.#instance = this.#staged.instance;
    this.#staged = undefined;
  }

  unstage(): void {
    this.#staged = undefined;
  }

  /** What could be instantiated once can be again, unless the machine has run out of something: not a record's fault. */
  #replace(module: CompiledModule): GuestInstance {
    try {
      return this.#instantiate(module, { muted: false });
    } catch (cause) {
      const { id } = this.#parts.spec;
      const reason = MillraceError.from(cause).message;
      const message = `step "${id}" cannot replace its instance after a failure: ${reason}`;
      throw new MillraceError('TASK_FAILED', message, { cause });
    }
  }

  #warm(staged: Staged, run: (instance: GuestInstance) => void): Staged {
    try {
      for (let i = 0; i < WARM_CALLS; i++) run(staged.instance);
      return staged;
    } catch (thrown) {
      // The sample may hold a record that the error policy would have dealt with: no reason to refuse the version.
      const { code, message } = MillraceError.from(thrown);
      const { spec, context } = this.#parts;
      context.log('warn', `warming the new version of step "${spec.id}": ${code}: ${message}`);
      return this.#tryInstantiate(staged.instance.module);
    }
  }

  #tryInstantiate(module: CompiledModule): Staged {
    const voice = { muted: true };
    try {
      return { instance: this.#instantiate(module, voice), voice };
    } catch (cause) {
      const { spec } = this.#parts;
      const message = `step "${spec.id}" cannot start the new version: ${MillraceError.from(cause).message}`;
      throw new MillraceError('UPDATE_REFUSED', message, { cause });
    }
  }

  #instantiate(module: CompiledModule, voice: Voice): GuestInstance {
    const { sandbox, spec, context } = this.#parts;
    const log: GuestLog = (level, text) => {
      if (!voice.muted) context.log(level, text);
    };
    return sandbox.instantiate(module, spec.limits, log);
  }
}
