import { readPipeline } from '../../host/dataflow/pipeline.ts';
import type { Plan, StepModules } from '../../host/dataflow/plan.ts';
import { planPipeline } from '../../host/dataflow/plan-pipeline.ts';
import { PAPER_CONNECTORS, TEXT_MODULE } from './planned-words.ts';

const LINES = 'lines: { connector: file, path: in, format: lines }';

/** Sections of a document as YAML, one entry per line; `top` are more keys at the top. Sources are lines unless given. */
export interface Document {
  readonly top?: string;
  readonly sources?: string;
  readonly steps?: string;
  readonly sinks?: string;
}

/** The text of a document. */
export function document({ top = '', sources = LINES, steps = '', sinks = '' }: Document): string {
  const section = (name: string, body: string) =>
    body === '' ? '' : `${name}:\n${body.trim().replace(/^\s*/gm, '  ')}\n`;
  const head = `name: words\nmodules: { text: text@1 }\n${top}\n`;
  return head + section('sources', sources) + section('steps', steps) + section('sinks', sinks);
}

/** Plans a document against `TEXT_MODULE` and `PAPER_CONNECTORS`. */
export function plan(
  parts: Document,
  parallelism?: number,
): { readonly plan: Plan; readonly modules: StepModules } {
  return planPipeline(readPipeline(document(parts)), {
    modules: new Map([['text', TEXT_MODULE]]),
    connectors: PAPER_CONNECTORS,
    baseDirectory: '/data',
    ...(parallelism === undefined ? {} : { parallelism }),
  });
}

/** A file sink for JSON. */
export const out = (from: string) =>
  `out: { from: ${from}, connector: file, path: out, format: json }`;
