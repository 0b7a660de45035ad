import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { createRowDecoder } from '../../host/abi/create-row-decoder.ts';
import { systemClock } from '../../host/clock.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { httpConnector } from '../../host/connectors/http/http-connector.ts';
import type { IngestLog } from '../../host/connectors/http/ingest-log.ts';
import { partitionDirectory } from '../../host/connectors/http/log-directory.ts';
import { logFiles } from '../../host/connectors/http/log-files.ts';
import { openIngestLog } from '../../host/connectors/http/open-ingest-log.ts';
import type { Source } from '../../host/connectors/source.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';

/** An `http` source with these options. */
export function httpSource(options: ConnectorOptions = {}): Source {
  const checked = httpConnector.source?.({ format: 'lines', ...options });
  if (!checked?.ok) throw new Error(JSON.stringify(checked?.findings));
  return checked.value;
}

/** The log of partition `partition` of source `in`, with small files. */
export function openPartition(job: string, partition: number): Promise<IngestLog> {
  const directory = partitionDirectory(job, 'in', partition);
  return openIngestLog(directory, { files: logFiles, clock: systemClock, segmentBytes: 1_024 });
}

/** Appends these lines as one request. */
export async function appendLines(log: IngestLog, lines: readonly string[]): Promise<void> {
  const out = new BatchBuilder();
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const decoder = createRowDecoder('lines', LINE_SCHEMA, () => {});
  decoder.decode({ bytes, start: 0, end: bytes.length, final: true, bytesMax: 1 << 30 }, out);
  const { bytes: rows, count } = out.batch();
  await log.append({ rows: rows.slice(), count, key: '', body: '00'.repeat(8) });
}
