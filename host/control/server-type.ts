import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Connector } from '../connectors/connector.ts';
import type { Pipeline } from '../dataflow/pipeline.ts';
import type { AuditLog } from './access/audit-log.ts';
import type { Caller, Role } from './access/caller.ts';
import type { CompileSource } from './compile-source.ts';
import type { Tenant } from './tenant.ts';

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
  /** Whose request it is: all that it can reach. */
  of(request: Pick<FastifyRequest, 'tenant'>): Tenant;
  readonly audit: AuditLog;
  readonly connectors: ReadonlyMap<string, Connector>;
  readonly compile: CompileSource;
  readonly readDocument: (text: string) => Promise<Pipeline>;
  /** Where relative paths of documents start unless the request says otherwise. */
  readonly workingDirectory: string;
  /** Aborted when the server closes: answers that would go on for ever end then. */
  readonly closing: AbortSignal;
}

export interface RouteEntry {
  readonly method: string;
  readonly url: string;
  readonly role: Role | 'anyone' | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Content types of a body that is taken as it comes, for the OpenAPI document. */
    readonly rawBody?: readonly string[];
    /** Who may use the route. One that does not say so is the admins' alone. */
    readonly role?: Role | 'anyone';
    /** Hands over data and changes nothing else: too much for the audit log. */
    readonly unaudited?: true;
  }
  interface FastifyRequest {
    /** Set when the request was admitted, except where anyone is. */
    caller: Caller | undefined;
    tenant: Tenant | undefined;
  }
  interface FastifyInstance {
    /** Every route with who may use it, for the test that tries them all. */
    readonly routeTable: readonly RouteEntry[];
  }
}
