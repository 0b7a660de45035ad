/**
 * `malformed`: the bytes are not a valid module. `refused`: they may be, but the gate does not let
 * them in (a feature outside the accepted set, a limit).
 */
export type FaultKind = 'malformed' | 'refused';

/**
 * Thrown inside the parser, caught where it can go on: at the next section or function body. Not an
 * `Error`: thousands may be thrown for one upload, and none needs a stack.
 */
export class ModuleFault {
  readonly kind: FaultKind;
  /** Byte offset in the module. */
  readonly offset: number;
  readonly text: string;

  constructor(kind: FaultKind, offset: number, text: string) {
    this.kind = kind;
    this.offset = offset;
    this.text = text;
  }
}

/** Stops at `offset`: the bytes are not valid WebAssembly. */
export function malformed(offset: number, text: string): never {
  throw new ModuleFault('malformed', offset, text);
}

/** Stops at `offset`: valid or not, this is not let in. */
export function refused(offset: number, text: string): never {
  throw new ModuleFault('refused', offset, text);
}

/** Refuses `value` above `limit`: `functions: 30000, limit 20000`. */
export function checkLimit(offset: number, what: string, value: number, limit: number): void {
  if (value > limit) refused(offset, `${what}: ${value}, limit ${limit}`);
}
