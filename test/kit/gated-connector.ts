import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Connector } from '../../host/connectors/connector.ts';
import { memoryConnector } from '../../host/connectors/memory/memory-connector.ts';
import type { SinkContext, SinkWriter } from '../../host/connectors/sink.ts';

/** A file of this name in the job's directory opens the gate, in whatever thread the sink is. */
export const GATE_FILE = 'gate-open';

/** The `memory` sink behind a gate: it is full, and takes nothing, until the gate opens. */
export function gatedConnector(directory: string): Connector {
  const memory = memoryConnector.sink?.({});
  if (memory?.ok !== true) throw new Error('the memory sink takes no options');
  const { value } = memory;
  return {
    name: 'gated',
    sink: () => ({
      ok: true,
      value: {
        ...value,
        open: async (context) => gated(directory, context, await value.open(context)),
      },
    }),
  };
}

function gated(directory: string, context: SinkContext, writer: SinkWriter): SinkWriter {
  const isOpen = () => existsSync(join(directory, GATE_FILE));
  let full = !isOpen();
  const watcher = watch(directory, () => {
    if (!full || !isOpen()) return;
    full = false;
    context.wake();
  });
  return {
    get full() {
      return full;
    },
    write: (batch) => writer.write(batch),
    preCommit: (checkpoint) => writer.preCommit(checkpoint),
    commit: (transaction) => writer.commit(transaction),
    flush: () => writer.flush(),
    close() {
      watcher.close();
      return writer.close();
    },
  };
}
