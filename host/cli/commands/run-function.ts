import { watch } from 'node:fs';
import { resolve } from 'node:path';
import { BatchBuilder } from '../../abi/batch-builder.ts';
import { createRowDecoder } from '../../abi/create-row-decoder.ts';
import { createRowEncoder } from '../../abi/create-row-encoder.ts';
import { MillraceError } from '../../errors.ts';
import {
  BATCH_BYTES_TARGET,
  FUEL_PER_RECORD_DEFAULT,
  MEMORY_PAGES_MAX,
  OUTPUT_BYTES_MAX,
} from '../../limits.ts';
import type { Batch } from '../../model/batch.ts';
import type { FunctionDescription } from '../../model/module-description.ts';
import { createSandbox } from '../../sandbox/create-sandbox.ts';
import type { GuestInstance } from '../../sandbox/guest.ts';
import type { CommandContext } from '../command-parts.ts';
import { loadModuleFile, readInput } from '../module-file.ts';
import { reportFailure } from '../output.ts';
import { runProcess } from './run-process.ts';

export interface RunFunctionOptions {
  /** JSON lines; `-` or nothing = standard input. */
  readonly input?: string;
  readonly expect?: string;
  readonly watch?: boolean;
}

/**
 * `millrace test FILE FUNCTION`: runs one function over JSON lines and prints what it emits, or compares it with a
 * file. A keyed function folds all records as one key.
 */
export async function runFunction(
  context: CommandContext,
  target: { readonly file: string; readonly name: string },
  options: RunFunctionOptions,
): Promise<void> {
  if (!options.watch) return runOnce(context, target, options);
  await runOnce(context, target, options).catch((error) => reportFailure(error, context.terminal));
  const watched = [target.file, options.input, options.expect].filter((file) => file !== undefined);
  let running = Promise.resolve();
  const watchers = watched.map((file) =>
    watch(resolve(context.workingDirectory, file), () => {
      running = running
        .then(() => runOnce(context, target, options))
        .catch((error) => void reportFailure(error, context.terminal));
    }),
  );
  await context.interrupted();
  for (const watcher of watchers) watcher.close();
}

async function runOnce(
  context: CommandContext,
  target: { readonly file: string; readonly name: string },
  options: RunFunctionOptions,
): Promise<void> {
  const sandbox = createSandbox();
  const module = await sandbox.compile(
    await loadModuleFile(resolve(context.workingDirectory, target.file)),
  );
  const description = module.description.functions.find((one) => one.name === target.name);
  if (description === undefined) throw unknownFunction(target, module.description.functions);
  const instance = sandbox.instantiate(
    module,
    {
      fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
      memoryPages: MEMORY_PAGES_MAX,
      outputBytes: OUTPUT_BYTES_MAX,
    },
    (level, text) => context.terminal.error(`${level}: ${text}\n`),
  );
  const input = await readRecords(context, options.input);
  const output =
    description.process === undefined
      ? runOver(instance, description, input)
      : runProcess(
          { sandbox, module, description, terminal: context.terminal },
          decoded(description, input),
        );
  if (options.expect === undefined) {
    context.terminal.out(output);
    return;
  }
  const expected = new TextDecoder().decode(
    await readInput(resolve(context.workingDirectory, options.expect)),
  );
  compare(output, expected, options.expect);
  const records = countLines(expected);
  context.terminal.out(
    context.json
      ? `${JSON.stringify({ function: target.name, records })}\n`
      : `ok  ${target.name}  ${records} records as expected\n`,
  );
}

async function readRecords(context: CommandContext, file: string | undefined): Promise<Uint8Array> {
  if (file !== undefined && file !== '-') return readInput(resolve(context.workingDirectory, file));
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return new Uint8Array(Buffer.concat(chunks));
}

/** The records of the input, a batch at a time. */
function* decoded(description: FunctionDescription, input: Uint8Array): Generator<Batch> {
  const decoder = createRowDecoder('json', description.input, (reason, start, end) => {
    const line = new TextDecoder().decode(input.subarray(start, Math.min(end, start + 80)));
    throw new MillraceError('RECORD_MALFORMED', `record at byte ${start} is malformed: ${reason}`, {
      details: [line],
      hint: `the function takes ${description.input.fields.map((field) => field.name).join(', ')}`,
    });
  });
  const rows = new BatchBuilder();
  for (let at = 0; at < input.length; ) {
    rows.clear();
    const next = decoder.decode(
      { bytes: input, start: at, end: input.length, final: true, bytesMax: BATCH_BYTES_TARGET },
      rows,
    );
    if (next === at && rows.count === 0) break;
    at = next;
    if (rows.count > 0) yield rows.batch();
  }
}

function runOver(
  instance: GuestInstance,
  description: FunctionDescription,
  input: Uint8Array,
): string {
  const encoder = createRowEncoder('json', description.output);
  const text = new TextDecoder();
  let states: Batch = { bytes: new Uint8Array(0), count: 0 };
  let output = '';
  for (const batch of decoded(description, input)) {
    if (description.state === undefined) {
      output += text.decode(encoder.encode(instance.run(description.name, batch)));
    } else {
      zeroTags(batch);
      const call = { rows: batch, states, keys: 1, emit: 'record', merge: false } as const;
      const result = instance.runKeyed(description.name, call);
      output += text.decode(encoder.encode(result.output));
      states = { bytes: result.states.bytes.slice(), count: result.states.count };
    }
  }
  return output;
}

/** One key for all records: ordinal 0. */
function zeroTags(batch: Batch): void {
  const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
  for (let at = 0; at < batch.bytes.length; at += view.getUint32(at, true))
    view.setUint32(at + 4, 0, true);
}

function compare(output: string, expected: string, file: string): void {
  const actualLines = output.trimEnd().split('\n');
  const expectedLines = expected.trimEnd().split('\n');
  const length = Math.max(actualLines.length, expectedLines.length);
  for (let i = 0; i < length; i++) {
    if (sameRecord(actualLines[i], expectedLines[i])) continue;
    throw new MillraceError('OUTPUT_DIFFERS', `record ${i + 1} differs from "${file}"`, {
      details: [
        `expected ${expectedLines[i] ?? 'nothing'}`,
        `got      ${actualLines[i] ?? 'nothing'}`,
      ],
      hint: 'without --expect the records are printed, which can be kept as what is expected',
    });
  }
}

function sameRecord(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  try {
    return sortedJson(JSON.parse(a)) === sortedJson(JSON.parse(b));
  } catch {
    return false;
  }
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function countLines(text: string): number {
  return text.split('\n').filter((line) => line !== '').length;
}

function unknownFunction(
  target: { readonly file: string; readonly name: string },
  functions: readonly FunctionDescription[],
): MillraceError {
  return new MillraceError('USAGE', `"${target.file}" has no function "${target.name}"`, {
    hint: `it has ${functions.map((one) => one.name).join(', ')}`,
  });
}
