import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Connector, ConnectorOptions } from '../../host/connectors/connector.ts';
import { generatorConnector } from '../../host/connectors/generator/generator-connector.ts';
import { memoryConnector } from '../../host/connectors/memory/memory-connector.ts';
import type { SinkContext, SinkWriter } from '../../host/connectors/sink.ts';
import type { SourceContext, SourceReader } from '../../host/connectors/source.ts';

/** A file of this name in the job's directory opens the gate, in whatever thread the source or sink is. */
export const GATE_FILE = 'gate-open';

/**
 * The `generator` source and the `memory` sink behind a gate. Until it opens, each reader stops after `hold` records and
 * does not end, and the sink is full and takes nothing. So a job cannot be over before a test is done with it, however
 * slow the machine.
 */
export function gatedConnector(directory: string): Connector {
  return {
    name: 'gated',
    source(options) {
      const { hold, ...rest } = options;
      const checked = generatorConnector.source?.(rest as ConnectorOptions);
      if (checked?.ok !== true) throw new Error('the generator does not take these options');
      const { value } = checked;
      return {
        ok: true,
        value: {
          ...value,
          open: async (splits, context) =>
            holding(directory, context, await value.open(splits, context), Number(hold)),
        },
      };
    },
    sink() {
      const checked = memoryConnector.sink?.({});
      if (checked?.ok !== true) throw new Error('the memory sink takes no options');
      const { value } = checked;
      return {
        ok: true,
        value: {
          ...value,
          open: async (context) => closed(directory, context, await value.open(context)),
        },
      };
    },
  };
}

function holding(
  directory: string,
  context: SourceContext,
  reader: SourceReader,
  hold: number,
): SourceReader {
  const gate = watchGate(directory, () => context.wake());
  let read = 0;
  return {
    poll(out, bytesMax) {
      if (gate.open) return reader.poll(out, bytesMax);
      if (read >= hold) return 'idle';
      const before = out.count;
      const result = reader.poll(out, Math.min(bytesMax, 2048));
      read += out.count - before;
      return result === 'end' ? 'idle' : result;
    },
    snapshot: () => reader.snapshot(),
    close() {
      gate.close();
      return reader.close();
    },
  };
}

function closed(directory: string, context: SinkContext, writer: SinkWriter): SinkWriter {
  const gate = watchGate(directory, () => context.wake());
  return {
    get full() {
      return !gate.open;
    },
    write: (batch) => writer.write(batch),
    preCommit: (checkpoint) => writer.preCommit(checkpoint),
    commit: (transaction) => writer.commit(transaction),
    flush: () => writer.flush(),
    close() {
      gate.close();
      return writer.close();
    },
  };
}

function watchGate(directory: string, onOpen: () => void) {
  const isOpen = () => existsSync(join(directory, GATE_FILE));
  const gate = { open: isOpen(), close: () => watcher.close() };
  const watcher = watch(directory, () => {
    if (gate.open || !isOpen()) return;
    gate.open = true;
    onOpen();
  });
  // It may have opened before anybody watched.
  gate.open = isOpen();
  return gate;
}
