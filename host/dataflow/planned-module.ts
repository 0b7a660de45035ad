import type { ModuleDescription } from '../model/module-description.ts';

/** A pipeline's module after its alias was resolved to bytes that passed the gate. */
export interface PlannedModule {
  /** `word-count@1`, or a file's name for a module outside the catalog. */
  readonly ref: string;
  readonly digest: string;
  readonly description: ModuleDescription;
}
