import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { ROW_LENGTH_OFFSET } from '../../host/abi/layout.ts';
import { decodeObject, type RowObject } from '../../host/abi/row-object.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { createNexmarkConnector } from '../../host/connectors/nexmark/nexmark-connector.ts';
import type { Source, SourceReader, Split } from '../../host/connectors/source.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { ManualClock } from '../kit/manual-clock.ts';

/** The `nexmark` source with these options, on a clock that stands still. */
export function nexmarkSource(options: ConnectorOptions): Source & { schema: RecordSchema } {
  const checked = createNexmarkConnector(new ManualClock()).source!(options);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return { ...checked.value, schema: checked.value.schema! };
}

/** A reader of these splits, without a task around it. */
export function openSplits(source: Source, splits: readonly Split[]): Promise<SourceReader> {
  return source.open(splits, {
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

/** All records of a source, split after split. */
export async function* recordsOf(source: Source): AsyncGenerator<RowObject> {
  for (const split of await source.splits('/')) {
    const reader = await openSplits(source, [split]);
    const out = new BatchBuilder();
    for (let result = 'more'; result !== 'end'; ) {
      out.clear();
      result = reader.poll(out, 1 << 16);
      for (let at = 0; at < out.length; at += out.view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
        yield decodeObject(source.schema!, out.bytes, at);
      }
    }
  }
}
