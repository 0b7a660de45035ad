/**
 * How fast does the `nexmark` source write events into rows?
 *
 * One reader on one thread, batches of 64 KiB that are thrown away, for all events and for each kind alone. An event of a kind
 * that is not wanted is counted and skipped. Beside it the same rows copied from a batch that is there already, which is
 * what any source has to do at least. Wall-clock time, and the processor time of this process, which other programs on the
 * machine disturb less.
 *
 * Not measured here: everything behind the source.
 */
import { BatchBuilder } from '../host/abi/batch-builder.ts';
import type { Source, SourceReader } from '../host/connectors/source.ts';
import { builtinConnectors } from '../host/internal.ts';
import { type Candidate, compare, type Line, nanosecondsPer, readOptions, report } from './kit.ts';

const BATCH_BYTES = 1 << 16;
const KINDS = ['all', 'bid', 'auction', 'person'];

const options = readOptions();
const events = options.quick ? 5_000 : 2_000_000;

function sourceOf(kind: string): Source {
  const checked = builtinConnectors.get('nexmark')!.source!({ events: kind, count: events });
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return checked.value;
}

/** A reader at the begin of its split; events are made on its polls only. */
async function open(kind: string): Promise<SourceReader> {
  const source = sourceOf(kind);
  return source.open(await source.splits('/'), {
    schema: source.schema!,
    id: 'events',
    task: 0,
    parallelism: 1,
    onMalformed: 'fail',
    malformed() {},
    baseDirectory: '/',
    wake() {},
  });
}

interface Made {
  rows: number;
  bytes: number;
  /** Processor time of each turn, in nanoseconds an event. */
  readonly processor: number[];
}

function drain(reader: SourceReader, out: BatchBuilder, made: Made): void {
  made.rows = 0;
  made.bytes = 0;
  for (let result = 'more'; result !== 'end'; ) {
    out.clear();
    result = reader.poll(out, BATCH_BYTES);
    made.rows += out.count;
    made.bytes += out.length;
  }
}

/** Every turn needs a reader of its own; they are opened beforehand, since turns are synchronous. */
async function generating(kind: string, made: Made, turns: number): Promise<Candidate> {
  const readers: SourceReader[] = [];
  for (let i = 0; i <= turns; i++) readers.push(await open(kind));
  const out = new BatchBuilder(2 * BATCH_BYTES);
  return {
    name: kind,
    turn() {
      const reader = readers.pop()!;
      const before = process.cpuUsage();
      const time = nanosecondsPer(events, () => drain(reader, out, made));
      const { user, system } = process.cpuUsage(before);
      made.processor.push(((user + system) * 1000) / events);
      return time;
    },
  };
}

async function copying(): Promise<Candidate> {
  const reader = await open('all');
  const first = new BatchBuilder(2 * BATCH_BYTES);
  reader.poll(first, BATCH_BYTES);
  const batch = first.batch();
  const out = new BatchBuilder(2 * BATCH_BYTES);
  const repeats = Math.ceil(events / batch.count);
  return {
    name: 'all, copied',
    turn: () =>
      nanosecondsPer(repeats * batch.count, () => {
        for (let i = 0; i < repeats; i++) {
          out.clear();
          out.append(batch);
        }
      }),
  };
}

const TURNS = 5;
const made = new Map<string, Made>(
  KINDS.map((kind) => [kind, { rows: 0, bytes: 0, processor: [] }]),
);
const candidates = [await copying()];
for (const kind of KINDS) candidates.push(await generating(kind, made.get(kind)!, TURNS));

const lines = compare(candidates, TURNS).map(({ name, median, best }): Line => {
  const counted = made.get(name);
  const processor = counted === undefined ? undefined : Math.min(...counted.processor);
  return {
    events: name,
    'ns per event': median,
    best,
    'million events/s': 1000 / median,
    'million per processor second': processor === undefined ? null : 1000 / processor,
    'bytes per row': counted === undefined ? null : Math.round(counted.bytes / counted.rows),
  };
});
report('nexmark source: events into rows, one thread', lines, options);
