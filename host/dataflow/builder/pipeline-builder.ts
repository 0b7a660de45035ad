import { checkPipeline, type Pipeline } from '../pipeline.ts';
import type { TypedPipeline } from './typed-pipeline.ts';

/**
 * A pipeline in TypeScript: the same data as the document, names checked by the compiler, the rest as by
 * `checkPipeline`. Throws `PIPELINE_INVALID`.
 *
 *     pipeline({
 *       name: 'word-count',
 *       modules: { text: './word-count.ts' },
 *       sources: { lines: file({ path: 'data/*.txt', format: 'lines' }) },
 *       steps: {
 *         words: { flatMap: 'text.words', from: 'lines' },
 *         counts: { reduce: 'text.sum', from: 'words', key: 'word' },
 *       },
 *       sinks: { out: { from: 'counts', ...file({ path: 'out', format: 'json' }) } },
 *     });
 */
export function pipeline<
  const Modules extends NonNullable<Pipeline['modules']>,
  const Sources extends Pipeline['sources'],
  const Steps extends object,
  const Sinks extends object,
>(document: TypedPipeline<Modules, Sources, Steps, Sinks>): Pipeline {
  return checkPipeline(document);
}

/** Options of the `file` connector. */
export interface FileOptions {
  /** A source's glob, a sink's directory; relative to the document. */
  readonly path: string;
  readonly format: 'lines' | 'json' | 'csv' | 'rows' | 'raw';
}

/** The `file` connector with its options, for a source or, next to a `from`, for a sink. */
export function file<Options extends FileOptions>(options: Options) {
  return { connector: 'file', ...options } as const;
}
