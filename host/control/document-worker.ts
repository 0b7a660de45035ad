import { readPipeline } from '../dataflow/pipeline.ts';
import { type ErrorReport, MillraceError } from '../errors.ts';

/** What the thread that reads documents answers, see `document-reader.ts`. As text: that takes its receiver the least time. */
export type DocumentAnswer =
  | { readonly ok: true; readonly pipeline: string }
  | { readonly ok: false; readonly error: ErrorReport };

export default function read(text: string): DocumentAnswer {
  try {
    return { ok: true, pipeline: JSON.stringify(readPipeline(text)) };
  } catch (thrown) {
    return { ok: false, error: MillraceError.from(thrown).report() };
  }
}
