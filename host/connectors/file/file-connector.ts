import { systemClock } from '../../clock.ts';
import type { Connector } from '../connector.ts';
import { type FileSinkParts, fileSink } from './file-sink.ts';
import { fileSource } from './file-source.ts';
import { sinkFiles } from './sink-files.ts';

/** The `file` connector; its halves say what they take and promise: `fileSource`, `fileSink`. */
export function createFileConnector(parts: FileSinkParts): Connector {
  return {
    name: 'file',
    source: (options) => fileSource(options, parts),
    sink: (options) => fileSink(options, parts),
  };
}

/** The `file` connector on the real file system. */
export const fileConnector = createFileConnector({ files: sinkFiles, clock: systemClock });
