import { MillraceError } from '../../host/errors.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../../host/limits.ts';
import type { Batch } from '../../host/model/batch.ts';
import { createSandbox } from '../../host/sandbox/create-sandbox.ts';
import type { GuestInstance, GuestLimits } from '../../host/sandbox/guest.ts';
import { NUMBERS } from './hand-made-guest.ts';
import { encodeBatch } from './rows.ts';

export const AMPLE_LIMITS: GuestLimits = {
  fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
  memoryPages: MEMORY_PAGES_MAX,
  outputBytes: OUTPUT_BYTES_MAX,
};

/** A live guest and what it logged. */
export interface LoggedGuest {
  readonly instance: GuestInstance;
  readonly log: string[];
}

/** Gates, compiles and instantiates a module; the log holds `level: text`. */
export async function startGuest(
  upload: Uint8Array,
  limits: Partial<GuestLimits> = {},
): Promise<LoggedGuest> {
  const sandbox = createSandbox();
  const log: string[] = [];
  const module = await sandbox.compile(upload);
  const write = (level: string, text: string) => log.push(`${level}: ${text}`);
  return { instance: sandbox.instantiate(module, { ...AMPLE_LIMITS, ...limits }, write), log };
}

const NUMBERS_SCHEMA = {
  name: NUMBERS.name,
  fields: NUMBERS.fields.map(({ name }) => ({ name, type: { kind: 'i32' } as const })),
};

/** Rows of the record of hand-made guests; numbers left out are 0. */
export function numberRows(...rows: readonly (readonly number[])[]): Batch {
  return encodeBatch(
    NUMBERS_SCHEMA,
    rows.map((row) =>
      Object.fromEntries(NUMBERS.fields.map(({ name }, i) => [name, (row[i] ?? 0) | 0])),
    ),
  );
}

/** The error of a call that must fail. */
export function failureOf(call: () => unknown): MillraceError {
  try {
    call();
  } catch (thrown) {
    if (thrown instanceof MillraceError) return thrown;
    throw thrown;
  }
  throw new Error('the call did not fail');
}
