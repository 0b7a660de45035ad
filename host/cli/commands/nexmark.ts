import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BatchBuilder } from '../../abi/batch-builder.ts';
import { createRowEncoder } from '../../abi/create-row-encoder.ts';
import type { ConnectorOptions } from '../../connectors/connector.ts';
import { nexmarkConnector } from '../../connectors/nexmark/nexmark-connector.ts';
import type { Source, SourceReader } from '../../connectors/source.ts';
import { MillraceError } from '../../errors.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { CommandContext } from '../command-parts.ts';
import { formatCount } from '../table.ts';

export interface NexmarkOptions {
  readonly events: number;
  readonly kind: string;
  readonly seed: number;
  readonly generators: number;
  readonly firstId: number;
  readonly rate: number;
  readonly outOfOrder: number;
  readonly baseTime?: string;
  readonly format: 'json' | 'csv' | 'rows';
  readonly output?: string;
}

const CHUNK_BYTES = 1 << 18;
/** Nobody wonders what goes on before that. */
const PROGRESS_AFTER_MS = 2_000;
const PROGRESS_INTERVAL_MS = 1_000;

/**
 * `millrace nexmark generate`: writes the events of the Nexmark benchmark to a file or to standard output. What takes longer
 * than two seconds is told on standard error.
 */
export async function generateNexmark(
  context: CommandContext,
  options: NexmarkOptions,
): Promise<void> {
  const source = sourceOf(options);
  const reader = await openAll(source);
  const chunks = encodedChunks(reader, source.schema, {
    format: options.format,
    progress: progressOf(context, options.events),
  });
  if (options.output === undefined) {
    await toStandardOutput(Readable.from(chunks));
    return;
  }
  const path = resolve(context.workingDirectory, options.output);
  try {
    await pipeline(Readable.from(chunks), createWriteStream(path));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === undefined) throw cause;
    throw new MillraceError('USAGE', `cannot write "${options.output}": ${code}`, { cause });
  }
}

function sourceOf(options: NexmarkOptions): Source & { readonly schema: RecordSchema } {
  const given: ConnectorOptions = {
    events: options.kind,
    count: options.events,
    seed: options.seed,
    generators: options.generators,
    firstEventId: options.firstId,
    rate: options.rate,
    outOfOrderGroup: options.outOfOrder,
    ...(options.baseTime === undefined ? {} : { baseTime: options.baseTime }),
  };
  const checked = nexmarkConnector.source!(given);
  if (!checked.ok) {
    throw new MillraceError('USAGE', 'there are no such events', {
      details: checked.findings.map(({ path, message }) => `${path.join('.')}: ${message}`),
    });
  }
  return { ...checked.value, schema: checked.value.schema! };
}

async function openAll(source: Source & { readonly schema: RecordSchema }): Promise<SourceReader> {
  return source.open(await source.splits('.'), {
    schema: source.schema,
    id: 'nexmark',
    task: 0,
    parallelism: 1,
    onMalformed: 'fail',
    malformed() {},
    baseDirectory: '.',
    wake() {},
  });
}

interface Encoding {
  readonly format: NexmarkOptions['format'];
  readonly progress: (reader: SourceReader) => void;
}

/** The records in their format, chunk by chunk; each is taken only when the one before has been written. */
async function* encodedChunks(
  reader: SourceReader,
  schema: RecordSchema,
  { format, progress }: Encoding,
): AsyncGenerator<Uint8Array> {
  const encoder = createRowEncoder(format, schema);
  const out = new BatchBuilder(2 * CHUNK_BYTES);
  if (encoder.preamble.length > 0) yield encoder.preamble;
  for (let result = 'more'; result !== 'end'; ) {
    out.clear();
    result = reader.poll(out, CHUNK_BYTES);
    // The stream keeps what it gets, the encoder does not.
    if (out.count > 0) yield encoder.encode(out.batch()).slice();
    progress(reader);
    await nextTurn();
  }
  await reader.close();
}

/** Tells on standard error how far it is, once it has taken long enough and then every second. */
function progressOf(context: CommandContext, events: number): (reader: SourceReader) => void {
  const startedMs = performance.now();
  let nextMs = startedMs + PROGRESS_AFTER_MS;
  return (reader) => {
    const nowMs = performance.now();
    if (nowMs < nextMs) return;
    nextMs = nowMs + PROGRESS_INTERVAL_MS;
    const made = reader.snapshot().reduce((sum, { position }) => sum + Number(position), 0);
    const rate = formatCount(Math.round((made * 1000) / (nowMs - startedMs)));
    context.terminal.error(
      `${formatCount(made)} of ${formatCount(events)} events, ${rate} events/s\n`,
    );
  };
}

/** A reader that has seen enough, as `head` has, is no error. */
async function toStandardOutput(chunks: Readable): Promise<void> {
  try {
    await pipeline(chunks, process.stdout, { end: false });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPIPE') throw cause;
  }
}
