import { describe, expect, test } from 'vitest';
import { createTryUpload } from '../../host/control/try-upload.ts';
import { MillraceError } from '../../host/errors.ts';
import { EMPTY_BATCH } from '../../host/model/batch.ts';
import { compileGated } from '../../host/sandbox/compile-gated.ts';
import { createSandbox } from '../../host/sandbox/create-sandbox.ts';
import { gate } from '../../host/sandbox/gate.ts';
import type { CompiledModule } from '../../host/sandbox/guest.ts';
import { refusalOf } from '../kit/gate-refusal.ts';
import { AMPLE_LIMITS, numberRows } from '../kit/guest-runs.ts';
import { unmetered } from '../kit/unmetered.ts';
import type { Fence, Specimen } from './zoo/specimen.ts';
import { ZOO } from './zoo/zoo.ts';

/** Fences that end what would not end by itself. */
const ENDLESS: readonly Fence[] = ['fuel', 'depth'];

const sandbox = createSandbox();
const titled = (specimens: readonly Specimen[]) =>
  specimens.map((one) => [one.fence, one.name, one] as const);
const thatAre = (...kinds: Specimen['outcome']['kind'][]) =>
  titled(ZOO.filter(({ outcome }) => kinds.includes(outcome.kind)));

interface Attack {
  readonly error: MillraceError | undefined;
  readonly log: readonly string[];
}

/** Starts the module and calls its `attack` on one record. */
function attack(module: CompiledModule): Attack {
  const log: string[] = [];
  try {
    const instance = sandbox.instantiate(module, AMPLE_LIMITS, (level, text) =>
      log.push(`${level}: ${text}`),
    );
    const [{ kind, input }] = module.description.functions;
    const rows = numberRows([1])
      .bytes.subarray(0, 16 + 8 * input.fields.length)
      .slice();
    rows[0] = rows.length;
    const batch = { bytes: rows, count: 1 };
    if (kind !== 'reduce') instance.run('attack', batch);
    else
      instance.runKeyed('attack', {
        rows: batch,
        states: EMPTY_BATCH,
        keys: 1,
        emit: 'none',
        merge: false,
      });
    return { error: undefined, log };
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown;
    return { error: thrown, log };
  }
}

function expectOutcome({ error, log }: Attack, outcome: Specimen['outcome']): void {
  if (outcome.kind === 'contained') {
    expect(error).toBeUndefined();
    expect(log).toHaveLength(outcome.log.length);
    for (const [i, line] of log.entries()) expect(line).toMatch(outcome.log[i]);
  } else {
    expect(error?.code).toBe(outcome.code);
    expect(error?.message).toMatch(outcome.says);
    expect(JSON.stringify(error?.report())).not.toMatch(/\\[nr]|\\u001b|\\u202e/);
  }
}

test('the zoo has at least 120 specimens, each of a name of its own, for every fence', () => {
  expect(ZOO.length).toBeGreaterThanOrEqual(120);
  expect(new Set(ZOO.map(({ fence, name }) => `${fence} ${name}`)).size).toBe(ZOO.length);
  expect(new Set(ZOO.map(({ fence }) => fence)).size).toBe(12);
});

describe('the gate refuses', () => {
  test.each(thatAre('refused'))('%s: %s', (_fence, _name, { upload, outcome }) => {
    if (outcome.kind !== 'refused') throw new Error('the table is wrong');
    const { code, message, details, hint } = refusalOf(upload());
    expect([code, hint === '']).toEqual([outcome.code, false]);
    const said = [message, ...details].join(' ');
    expect(said).toMatch(outcome.says);
    // Nothing of the upload's text gets through as it is.
    expect(said).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('the sandbox contains', () => {
  test.each(
    thatAre('unstartable', 'fails', 'contained'),
  )('%s: %s', async (_fence, _name, specimen) => {
    expectOutcome(attack(await sandbox.compile(specimen.upload())), specimen.outcome);
  });
});

describe('without what the gate writes, the sandbox still contains', () => {
  // Endless work has to be ended by the process around it: see the next tests.
  const checked = thatAre('unstartable', 'fails', 'contained').filter(
    ([fence, _name, { unmetered: without }]) => without !== undefined || !ENDLESS.includes(fence),
  );

  test.each(checked)('%s: %s', async (_fence, _name, specimen) => {
    const { upload, outcome, unmetered: without = outcome } = specimen;
    expectOutcome(attack(await compileGated(unmetered(upload()))), without);
  });
});

describe('without what the gate writes, the process around it ends', () => {
  const tryUpload = createTryUpload({ timeoutMs: 1_000 });

  test.concurrent.each(
    titled(
      ZOO.filter(({ fence, unmetered: without }) => fence === 'fuel' && without === undefined),
    ),
  )(
    '%s: %s',
    async (_fence, _name, { upload }) => {
      await expect(tryUpload(unmetered(upload()))).rejects.toMatchObject({
        code: 'MODULE_NOT_ADMITTED',
        message: 'the module took longer than 1 s',
      });
    },
    120_000,
  );

  test.concurrent.each(
    titled(ZOO.filter(({ fence, outcome }) => fence === 'depth' && outcome.kind === 'fails')),
  )(
    '%s: %s, and reports the engine’s own limit of the stack',
    async (_fence, _name, { upload }) => {
      const { functions } = await createTryUpload()(unmetered(upload()));
      expect(functions[0].failure).toMatch(/call stack/);
    },
    120_000,
  );
});

describe('without the gate', () => {
  const description = gate(
    ZOO.find(({ outcome }) => outcome.kind === 'contained')?.upload() ?? new Uint8Array(0),
  ).description;

  test.each(thatAre('refused', 'fails'))('nothing runs: %s: %s', async (_fence, _name, {
    upload,
  }) => {
    const bytes = upload();
    if (!WebAssembly.validate(bytes)) return;
    const module = await compileGated({ digest: 'none', description, rewritten: bytes });
    expect(() => sandbox.instantiate(module, AMPLE_LIMITS, () => {})).toThrow(
      /without passing the gate/,
    );
  });
});
