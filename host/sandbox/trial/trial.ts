import type { GateReport } from '../guest.ts';

/** What it takes to try a module: what the gate said about it. Crosses to a process of its own. */
export type TrialInput = Pick<GateReport, 'digest' | 'description' | 'rewritten'>;

/** What a module did when it was compiled, started and run over sample records. */
export interface TrialReport {
  readonly compileMs: number;
  /** Compiling, starting and all calls. */
  readonly wallMs: number;
  /** Largest linear memory of an instance, at the end of a call. */
  readonly memoryBytes: number;
  readonly functions: readonly FunctionTrial[];
}

/** What one function made of the sample records, each handed over on its own. */
export interface FunctionTrial {
  readonly name: string;
  /** Sample records it was given; 0 = it was not tried. */
  readonly records: number;
  /** How many of them it failed on. */
  readonly failed: number;
  /** Mean and most fuel of the records that went through; null when none did. */
  readonly fuelPerRecord: number | null;
  readonly fuelMost: number | null;
  /** Records it emitted for them. */
  readonly emitted: number;
  /** `CODE: message` of the first failure; null without one. */
  readonly failure: string | null;
}
