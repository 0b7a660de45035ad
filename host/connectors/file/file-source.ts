import { z } from 'zod';
import { createRowDecoder } from '../../abi/create-row-decoder.ts';
import { checkOptions, expected, sizeOption } from '../check-options.ts';
import type { Checked, ConnectorOptions } from '../connector.ts';
import { schemaOfFormat } from '../format-schema.ts';
import type { Source } from '../source.ts';
import { FileReader } from './file-reader.ts';
import { splitFiles } from './file-split.ts';
import { findFiles } from './find-files.ts';

const SPLIT_BYTES_DEFAULT = 16 * 1024 * 1024;

const pathOption = z.string().min(1, 'expected a path, got an empty text');

const sourceOptions = z.strictObject({
  path: z.union([pathOption, z.array(pathOption).min(1)], expected('a path or a list of paths')),
  format: z.enum(['lines', 'json', 'csv', 'rows', 'raw']).default('lines'),
  splitBytes: sizeOption
    .refine((bytes) => bytes > 0, 'expected a size above 0')
    .default(SPLIT_BYTES_DEFAULT),
});

/**
 * The source half of the `file` connector: reads files that are there when the job starts, to their ends.
 *
 * - `path`: a path or a list of paths, relative to the pipeline's directory; a glob (`data/*.txt`, `logs/**`) names
 *   every file that matches.
 * - `format`: `lines` (default; one field `text`), `json` (an object a line), `csv`, `rows`, `raw` (a line as it is).
 * - `splitBytes`: how finely files of `lines`, `json` and `raw` are cut for parallel reading, 16 MiB unless given. Files of `csv` and
 *   `rows` are not cut.
 *
 * Offsets: a byte offset per split. End-to-end: *replayable*: after a restart exactly the records behind the checkpoint are read
 * again, so the job is exactly-once with respect to it. The files must stay as they are while the job exists; bytes
 * appended to a file are read when they are met, and a truncated file fails the job with `SOURCE_UNAVAILABLE`.
 *
 *     lines: { connector: file, path: data/*.txt, format: lines }
 */
export function fileSource(options: ConnectorOptions): Checked<Source> {
  const checked = checkOptions(sourceOptions, options);
  if (!checked.ok) return checked;
  const { path, format, splitBytes } = checked.value;
  const patterns = typeof path === 'string' ? [path] : path;
  return {
    ok: true,
    value: {
      schema: schemaOfFormat(format),
      guarantee: 'replayable',
      splits: async (baseDirectory) =>
        splitFiles(findFiles(patterns, baseDirectory), format, splitBytes),
      open: async (splits, context) =>
        new FileReader(splits, context, { format, createDecoder: createRowDecoder }),
    },
  };
}
