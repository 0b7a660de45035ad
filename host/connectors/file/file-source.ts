import { z } from 'zod';
import { createRowDecoder } from '../../abi/create-row-decoder.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { checkOptions, durationOption, expected, sizeOption } from '../check-options.ts';
import type { Checked, ConnectorOptions } from '../connector.ts';
import { schemaOfFormat } from '../format-schema.ts';
import type { Source } from '../source.ts';
import { bucketSplits } from './discovered-files.ts';
import { DiscoveringReader } from './discovering-reader.ts';
import { FileReader } from './file-reader.ts';
import { splitFiles } from './file-split.ts';
import { findFiles } from './find-files.ts';

const SPLIT_BYTES_DEFAULT = 16 * 1024 * 1024;
const FOLLOW_INTERVAL_MS = 1_000;

const pathOption = z.string().min(1, 'expected a path, got an empty text');

const sourceOptions = z
  .strictObject({
    path: z.union([pathOption, z.array(pathOption).min(1)], expected('a path or a list of paths')),
    format: z.enum(['lines', 'json', 'csv', 'rows', 'raw']).default('lines'),
    splitBytes: sizeOption.refine((bytes) => bytes > 0, 'expected a size above 0').optional(),
    discover: durationOption.refine((ms) => ms > 0, 'expected a duration above 0').optional(),
    follow: z.boolean().default(false),
  })
  .refine(({ splitBytes, discover, follow }) => splitBytes === undefined || !(discover ?? follow), {
    path: ['splitBytes'],
    message: 'files that are discovered or followed are not cut',
  });

/**
 * The source half of the `file` connector: reads files that are there when the job starts, to their ends; with `discover` also
 * those that come later, with `follow` also what is appended to them.
 *
 * - `path`: a path or a list of paths, relative to the pipeline's directory; a glob (`data/*.txt`, `logs/**`) names
 *   every file that matches.
 * - `format`: `lines` (default; one field `text`), `json` (an object a line), `csv`, `rows`, `raw` (a line as it is).
 * - `splitBytes`: how finely files of `lines`, `json` and `raw` are cut for parallel reading, 16 MiB unless given. Files of `csv` and
 *   `rows` are not cut.
 * - `discover`: look for new files that often (`1s`); the source never ends. A file must be whole when it gets its name, so write it elsewhere
 *   and rename it. A file that was read may be removed; one that changes afterwards fails the job with `SOURCE_UNAVAILABLE`.
 * - `follow`: read on as files grow; the last record waits for its end. Looks every second unless `discover` says otherwise. A file that shrinks, is
 *   replaced or goes away fails the job with `SOURCE_UNAVAILABLE`: a log that rotates is best written under a new name each time. (One that was cut and is longer again by the next
 *   look cannot be told from one that grew.)
 *
 * Offsets: a byte offset per split, or per file that was discovered. End-to-end: *replayable*: after a restart exactly the records behind the checkpoint are read
 * again, so the job is exactly-once with respect to it. The files must stay as they are while the job exists; bytes
 * appended to a file are read when they are met, and a truncated file fails the job with `SOURCE_UNAVAILABLE`.
 *
 *     lines: { connector: file, path: data/*.txt, format: lines }
 */
export function fileSource(
  options: ConnectorOptions,
  { clock }: { readonly clock: Clock } = { clock: systemClock },
): Checked<Source> {
  const checked = checkOptions(sourceOptions, options);
  if (!checked.ok) return checked;
  const { path, format, splitBytes = SPLIT_BYTES_DEFAULT, follow } = checked.value;
  const patterns = typeof path === 'string' ? [path] : path;
  const intervalMs = checked.value.discover ?? (follow ? FOLLOW_INTERVAL_MS : undefined);
  const reading = { format, createDecoder: createRowDecoder, follow };
  if (intervalMs !== undefined) {
    return {
      ok: true,
      value: {
        schema: schemaOfFormat(format),
        guarantee: 'replayable',
        splits: async (baseDirectory) => {
          // What is wrong with the patterns is told before the job starts.
          findFiles(patterns, baseDirectory, true);
          return bucketSplits();
        },
        open: async (splits, context) =>
          new DiscoveringReader(splits, context, { ...reading, patterns, intervalMs, clock }),
      },
    };
  }
  return {
    ok: true,
    value: {
      schema: schemaOfFormat(format),
      guarantee: 'replayable',
      splits: async (baseDirectory) =>
        splitFiles(findFiles(patterns, baseDirectory), format, splitBytes),
      open: async (splits, context) => new FileReader(splits, context, reading),
    },
  };
}
