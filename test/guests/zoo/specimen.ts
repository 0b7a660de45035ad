/**
 * One misbehaving module: what it does, what must come of it, and which fence must catch it. Written for this purpose, byte by
 * byte; none is a real program gone wrong.
 */
export interface Specimen {
  readonly name: string;
  readonly fence: Fence;
  readonly upload: () => Uint8Array<ArrayBuffer>;
  readonly outcome: Outcome;
  /** What must come of it without fuel and depth, where that is something else and ends. */
  readonly unmetered?: Outcome;
}

/** What stands between a module and its host, from the outside in. */
export type Fence =
  /** The gate's parser and validator. */
  | 'format'
  /** What the gate does not accept although it may be valid. */
  | 'features'
  /** The gate's structural limits. */
  | 'limits'
  /** The gate's list of imports. */
  | 'imports'
  /** The gate's check of the description and the exports. */
  | 'description'
  /** Fuel written into the module. */
  | 'fuel'
  /** The depth counter written into the module. */
  | 'depth'
  /** The memory that the host made, and the table maximum that the gate wrote. */
  | 'memory'
  /** The engine's own traps, and the instance that dies of them. */
  | 'trap'
  /** The checks of what a call hands over. */
  | 'abi'
  /** Caps of output and log. */
  | 'caps'
  /** What is made of a guest's text. */
  | 'text';

export type Outcome =
  /** The gate refuses it. */
  | { readonly kind: 'refused'; readonly code: string; readonly says: RegExp }
  /** It cannot be started. */
  | { readonly kind: 'unstartable'; readonly code: string; readonly says: RegExp }
  /** Its function `attack` fails on a record. */
  | { readonly kind: 'fails'; readonly code: string; readonly says: RegExp }
  /** It runs, and nothing comes of it but log lines, all of which match. */
  | { readonly kind: 'contained'; readonly log: readonly RegExp[] };

type Row = readonly [name: string, upload: () => Uint8Array<ArrayBuffer>, says: RegExp];

/** Specimens that the gate refuses with one code. */
export function refused(fence: Fence, code: string, rows: readonly Row[]): Specimen[] {
  return rows.map(([name, upload, says]) => ({
    name,
    fence,
    upload,
    outcome: { kind: 'refused', code, says },
  }));
}

/** Specimens whose call fails with one code. */
export function fails(fence: Fence, code: string, rows: readonly Row[]): Specimen[] {
  return rows.map(([name, upload, says]) => ({
    name,
    fence,
    upload,
    outcome: { kind: 'fails', code, says },
  }));
}
