import { fileURLToPath } from 'node:url';
import type { Piscina } from 'piscina';
import { type Pipeline, readPipeline } from '../dataflow/pipeline.ts';
import { MillraceError } from '../errors.ts';
import { stripTypesFlags } from '../runtime/strip-types-flags.ts';
import {
  DOCUMENT_IDLE_MS,
  DOCUMENT_INLINE_BYTES_MAX,
  DOCUMENT_TIMEOUT_MS,
} from '../server-limits.ts';
import type { DocumentAnswer } from './document-worker.ts';

/** Reads pipeline documents without keeping this thread. */
export interface DocumentReader {
  /** Throws `PIPELINE_UNREADABLE`, `PIPELINE_INVALID`. */
  read(text: string): Promise<Pipeline>;
  close(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('./document-worker.ts', import.meta.url));

/**
 * A reader that takes short documents, as people write them, where it is, and hands long ones to a thread: one MiB of YAML takes it a
 * second, which no other request shall wait for. The thread starts with the first and ends when none came for a while.
 */
export function createDocumentReader(timeoutMs = DOCUMENT_TIMEOUT_MS): DocumentReader {
  let pool: Promise<Piscina> | undefined;
  return {
    async read(text) {
      if (Buffer.byteLength(text) <= DOCUMENT_INLINE_BYTES_MAX) return readPipeline(text);
      pool ??= startPool();
      const answer = await run(await pool, text, timeoutMs);
      if (answer.ok) return JSON.parse(answer.pipeline) as Pipeline;
      throw MillraceError.fromReport(answer.error);
    },
    close: async () => (await pool)?.destroy(),
  };
}

async function startPool(): Promise<Piscina> {
  const { Piscina } = await import('piscina');
  const missing = stripTypesFlags().filter((flag) => !process.execArgv.includes(flag));
  return new Piscina({
    filename: PROGRAM,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: DOCUMENT_IDLE_MS,
    env: {},
    ...(missing.length > 0 ? { execArgv: [...missing] } : {}),
  });
}

async function run(pool: Piscina, text: string, timeoutMs: number): Promise<DocumentAnswer> {
  try {
    return (await pool.run(text, { signal: AbortSignal.timeout(timeoutMs) })) as DocumentAnswer;
  } catch (cause) {
    throw new MillraceError(
      'PIPELINE_UNREADABLE',
      `the pipeline cannot be read: it takes more than ${timeoutMs / 1_000} s`,
      { hint: 'write it shorter, without aliases and deep nesting', cause },
    );
  }
}
