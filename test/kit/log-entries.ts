import type { IngestLog } from '../../host/connectors/http/ingest-log.ts';
import {
  decodeBatchHeader,
  HEADER_BYTES,
  type LogBatch,
} from '../../host/connectors/http/log-batch.ts';
import { segmentBases, segmentName } from '../../host/connectors/http/log-directory.ts';
import type { LogFiles } from '../../host/connectors/http/log-files.ts';

/** All entries with records that an ingest log holds, read plainly from its files. */
export async function logEntries(
  directory: string,
  files: LogFiles,
  log: Pick<IngestLog, 'end'>,
): Promise<readonly { readonly batch: LogBatch; readonly rows: Uint8Array }[]> {
  const bases = segmentBases(await files.list(directory));
  const entries: { readonly batch: LogBatch; readonly rows: Uint8Array }[] = [];
  for (let at = bases[0] ?? 0; at < log.end; ) {
    const base = bases.findLast((one) => one <= at) ?? 0;
    const path = `${directory}/${segmentName(base)}`;
    const batch = decodeBatchHeader(await files.read(path, at - base, HEADER_BYTES), at);
    if (batch === undefined) throw new Error(`no entry at ${at}`);
    const rows = await files.read(path, at - base + HEADER_BYTES, batch.rowBytes);
    if (batch.kind === 'records') entries.push({ batch, rows });
    at += HEADER_BYTES + batch.rowBytes;
  }
  return entries;
}
