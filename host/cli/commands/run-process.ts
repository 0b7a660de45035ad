import { createRowEncoder } from '../../abi/create-row-encoder.ts';
import { createRowKernel } from '../../abi/create-row-kernel.ts';
import { createProcessOperator } from '../../dataflow/operators/process/process-operator.ts';
import type { ProcessSpec } from '../../dataflow/process-spec.ts';
import {
  FUEL_PER_RECORD_DEFAULT,
  KEY_GROUPS_DEFAULT,
  MEMORY_PAGES_MAX,
  OUTPUT_BYTES_MAX,
} from '../../limits.ts';
import type { Batch } from '../../model/batch.ts';
import { WATERMARK_MAX_MS } from '../../model/element.ts';
import type { FunctionDescription } from '../../model/module-description.ts';
import type { CompiledModule, Sandbox } from '../../sandbox/guest.ts';
import { createStateTable } from '../../state/create-state-table.ts';
import type { CommandContext } from '../command-parts.ts';

export interface TriedProcess {
  readonly sandbox: Sandbox;
  readonly module: CompiledModule;
  readonly description: FunctionDescription;
  readonly terminal: CommandContext['terminal'];
}

/**
 * A process function over records of its first input, all of one key, with its timers of event time at the end. What it emits as
 * JSON lines; side outputs are not shown.
 */
export function runProcess(tried: TriedProcess, batches: Iterable<Batch>): string {
  const { sandbox, module, description, terminal } = tried;
  const encoder = createRowEncoder('json', description.output);
  const text = new TextDecoder();
  const kernel = createRowKernel();
  const spec = specOf(description);
  let output = '';
  const out = {
    batch: (rows: Batch) => {
      output += text.decode(encoder.encode(rows));
    },
    side() {},
  };
  const operator = createProcessOperator(spec, {
    context: {
      ...{ task: 0, keyGroups: KEY_GROUPS_DEFAULT, hashed: true },
      range: { start: 0, end: KEY_GROUPS_DEFAULT },
      log: (level, line) => terminal.error(`${level}: ${line}\n`),
      deadLetter() {},
    },
    ...{ sandbox, module, kernel, createStateTable },
  });
  // The same answer each time: its clock stands still.
  operator.onTime(0, out);
  for (const rows of batches) {
    kernel.hashKeys(rows, spec.key);
    operator.onBatch(rows, out);
  }
  operator.onWatermark(WATERMARK_MAX_MS, out);
  operator.close();
  return output;
}

function specOf({ name, kind, input, output, state, process }: FunctionDescription): ProcessSpec {
  return {
    ...{ kind: 'process', id: name, input, output, state },
    function: { module: name, name, kind },
    process: process ?? { second: undefined, states: [], maps: [], sides: [], metrics: [] },
    key: { fields: [], slots: input.fields.length },
    ...{ secondKey: undefined, ttlMs: undefined },
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    onError: { retries: 0, backoffMs: 0, then: 'fail' },
    limits: {
      fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
      memoryPages: MEMORY_PAGES_MAX,
      outputBytes: OUTPUT_BYTES_MAX,
    },
  };
}
