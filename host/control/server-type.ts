import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Connector } from '../connectors/connector.ts';
import type { Catalog } from './catalog.ts';
import type { CompileSource } from './compile-source.ts';
import type { Ingest } from './ingest/ingest.ts';
import type { SavepointPlaces } from './savepoint-places.ts';
import type { Supervisor } from './supervisor.ts';

/** A fastify instance whose routes are typed by their zod schemas. */
export type Server = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes work on. */
export interface ServerParts {
  readonly catalog: Catalog;
  readonly supervisor: Supervisor;
  readonly ingest: Ingest;
  readonly connectors: ReadonlyMap<string, Connector>;
  readonly compile: CompileSource;
  readonly savepoints: SavepointPlaces;
  /** Where relative paths of documents start unless the request says otherwise. */
  readonly workingDirectory: string;
  /** Aborted when the server closes: answers that would go on for ever end then. */
  readonly closing: AbortSignal;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Content types of a body that is taken as it comes, for the OpenAPI document. */
    readonly rawBody?: readonly string[];
  }
}
