import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import type {
  MalformedRecord,
  PollResult,
  Source,
  SourceContext,
  SourceReader,
  Split,
} from '../../host/connectors/source.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { rowTexts } from './rows.ts';
import { type WaitList, waitList } from './wait-list.ts';

/** A source with what it is opened with. */
export interface SourceSetup {
  readonly source: Source;
  readonly schema: RecordSchema;
  readonly baseDirectory: string;
  readonly onMalformed?: SourceContext['onMalformed'];
  /** For sources that keep something in the job's directory. */
  readonly job?: SourceContext['job'];
}

/** A reader under a task's eyes: what it handed over, poll by poll. */
export interface Reading {
  readonly reader: SourceReader;
  /** Malformed records it reported. */
  readonly malformed: readonly MalformedRecord[];
  /** One poll; the rows' bytes as texts. Waits for `wake` first when the last answer was `idle`. */
  poll(
    bytesMax?: number,
  ): Promise<{ readonly result: PollResult; readonly rows: readonly string[] }>;
  /** The rest, to the end. */
  rest(): Promise<readonly string[]>;
}

/** Opens a reader of these splits, as one task of `parallelism`. */
export async function openReading(
  setup: SourceSetup,
  splits: readonly Split[],
  task = 0,
): Promise<Reading> {
  const malformed: MalformedRecord[] = [];
  const wakes: WaitList<number> = waitList();
  let woken = 0;
  const reader = await setup.source.open(splits, {
    schema: setup.schema,
    id: 'in',
    ...(setup.job === undefined ? {} : { job: setup.job }),
    task,
    parallelism: task + 1,
    onMalformed: setup.onMalformed ?? 'fail',
    malformed: (record) => void malformed.push(record),
    baseDirectory: setup.baseDirectory,
    wake: () => wakes.notify(++woken),
  });
  let idleSince: number | undefined;

  async function poll(bytesMax = 1 << 16) {
    const since = idleSince;
    if (since !== undefined && woken <= since) await wakes.until((count) => count > since);
    const before = woken;
    const out = new BatchBuilder();
    const result = reader.poll(out, bytesMax);
    idleSince = result === 'idle' ? before : undefined;
    return { result, rows: rowTexts(out.batch()) };
  }

  return {
    reader,
    malformed,
    poll,
    async rest() {
      const rows: string[] = [];
      for (;;) {
        const polled = await poll();
        rows.push(...polled.rows);
        if (polled.result === 'end') return rows;
      }
    },
  };
}

/** Everything a fresh reader of all splits yields. */
export async function readAll(setup: SourceSetup): Promise<readonly string[]> {
  const reading = await openReading(setup, await setup.source.splits(setup.baseDirectory));
  const rows = await reading.rest();
  await reading.reader.close();
  return rows;
}
