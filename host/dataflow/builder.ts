import { checkPipeline, type Pipeline } from './pipeline.ts';

type Names<T> = Extract<keyof NonNullable<T>, string>;

/** Where a step or sink of this document may read from. */
type Reads<Sources, Steps> = Names<Sources> | Names<Steps>;

/** A document whose `from`s the compiler checks against the names of its sources and steps. */
export type TypedPipeline<Sources, Steps, Sinks> = Omit<Pipeline, 'sources' | 'steps' | 'sinks'> & {
  readonly sources: Sources & Pipeline['sources'];
  readonly steps?: Steps & {
    readonly [step in keyof Steps]: ReadsFrom<Steps[step], Reads<Sources, Steps>>;
  };
  readonly sinks: Sinks & {
    readonly [sink in keyof Sinks]: ReadsFrom<Sinks[sink], Reads<Sources, Steps>>;
  };
};

type ReadsFrom<Entry, Name extends string> = Entry extends { readonly union: unknown }
  ? { readonly union: readonly Name[] }
  : { readonly from: Name | readonly Name[] };

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
  const Sources extends Pipeline['sources'],
  const Steps extends object,
  const Sinks extends object,
>(document: TypedPipeline<Sources, Steps, Sinks>): Pipeline {
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
