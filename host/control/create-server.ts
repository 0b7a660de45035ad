import { join, resolve } from 'node:path';
import sse from '@fastify/sse';
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { systemClock } from '../clock.ts';
import type { OutboundRange } from '../connectors/outbound.ts';
import { builtinConnectors } from '../connectors/registry.ts';
import { MillraceError } from '../errors.ts';
import { createWarmRunner, noWarmRunner } from '../runtime/warm-runner.ts';
import {
  CONNECTIONS_CHECK_MS,
  CONNECTIONS_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  REQUEST_TIMEOUT_MS,
} from '../server-limits.ts';
import { type StorageLocation, s3Environment } from '../storage/storage-location.ts';
import { type AdmissionOptions, createAdmissionHook } from './access/admission.ts';
import { auditEntry } from './access/audit-entry.ts';
import { type AuditLog, openAuditLog } from './access/audit-log.ts';
import { createRequestLimiter, type RequestLimits } from './access/request-limiter.ts';
import { createSlowSenders } from './access/slow-senders.ts';
import { singleTokenBook, type TokenBook } from './access/token-book.ts';
import { DEFAULT_QUOTA } from './access/token-table.ts';
import type { Admission } from './admit-request.ts';
import { answerError, answerNoHttp, answerNotFound } from './answer-error.ts';
import { createCompileSource } from './compile-source.ts';
import { takeDataDirectory } from './data-directory.ts';
import { createDocumentReader } from './document-reader.ts';
import { addOpenApi } from './open-api.ts';
import { auditRoutes } from './routes/audit.ts';
import { healthRoutes } from './routes/health.ts';
import { indexPageRoutes } from './routes/index-page.ts';
import { jobCheckpointRoutes } from './routes/job-checkpoints.ts';
import { jobCancelRoutes, jobControlRoutes } from './routes/job-control.ts';
import { jobDeadLetterRoutes } from './routes/job-dead-letters.ts';
import { jobLogRoutes } from './routes/job-logs.ts';
import { jobOutputRoutes } from './routes/job-output.ts';
import { jobRecordRoutes } from './routes/job-records.ts';
import { jobStepRoutes } from './routes/job-steps.ts';
import { jobUpdateRoutes } from './routes/job-updates.ts';
import { jobRoutes } from './routes/jobs.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { moduleUploadRoutes } from './routes/module-uploads.ts';
import { moduleRoutes, moduleVersionRoutes } from './routes/modules.ts';
import { pipelineSchemaRoutes } from './routes/pipeline-schema.ts';
import { savepointRoutes } from './routes/savepoints.ts';
import type { RouteEntry, Server, ServerParts } from './server-type.ts';
import { openTenants, type Tenants } from './tenants.ts';

export interface ServerOptions {
  /** The data directory; made if it is not there. */
  readonly data: string;
  /** When given, every request but health checks must carry it as a bearer token. */
  readonly token?: string;
  /** The same with several tokens, their roles and tenants; see `openTokenBook`. */
  readonly tokens?: TokenBook;
  /**
   * Addresses that connectors of jobs may reach though they are of this machine (`loopback`) or of its network alone (`link-local`). Default:
   * none.
   */
  readonly outbound?: readonly OutboundRange[];
  /** Key and certificate chain, PEM: then the server speaks HTTPS only. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** How much one caller may ask for; the defaults are in `host/limits.ts`. */
  readonly limits?: Partial<RequestLimits>;
  /** Instead of the token, or besides it: throws when a request may not be served. */
  readonly admit?: Admission;
  /**
   * Keep one process waiting for the next job, which then starts in a third of the time; about 80 MB. Default: true.
   */
  readonly warmRunner?: boolean;
  /**
   * Whether requests may name absolute paths for savepoints, beside names in the folder `savepoints` of the data directory. Default:
   * false. Only for a server that none but its own user can reach: it then reads and writes wherever it is told to.
   */
  readonly savepointsAnywhere?: boolean;
  /** Where checkpoints of new jobs go; default: into the data directory. Credentials are those of the environment. */
  readonly checkpoints?: StorageLocation | undefined;
  /** Where faults of the server itself are written; default: nowhere. */
  readonly logger?: FastifyBaseLogger;
}

const ROUTES = [
  moduleRoutes,
  moduleVersionRoutes,
  moduleUploadRoutes,
  jobRoutes,
  jobControlRoutes,
  jobCancelRoutes,
  jobUpdateRoutes,
  jobCheckpointRoutes,
  savepointRoutes,
  jobLogRoutes,
  jobRecordRoutes,
  jobOutputRoutes,
  jobStepRoutes,
  jobDeadLetterRoutes,
  metricsRoutes,
  healthRoutes,
  auditRoutes,
  pipelineSchemaRoutes,
  indexPageRoutes,
];

/**
 * The server as a fastify instance that does not listen yet, so that a host application can mount it or `inject` into it.
 * Jobs of the data directory are taken up at once; closing the instance leaves them running.
 * Throws `DATA_DIRECTORY`.
 *
 *     const server = await createServer({ data: './millrace-data' });
 *     await server.listen({ port: 7070 });
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const data = takeDataDirectory(resolve(options.data));
  const closing = new AbortController();
  const cache = join(data.path, 'cache');
  const { checkpoints } = options;
  const environment = checkpoints && s3Environment(process.env);
  const warm = options.warmRunner === false ? noWarmRunner : createWarmRunner(cache, environment);
  const server = newInstance(options);
  const tokens =
    options.tokens ?? (options.token === undefined ? undefined : singleTokenBook(options.token));
  let tenants: Tenants;
  try {
    tenants = await openTenants({
      data: data.path,
      warm,
      savepointsAnywhere: options.savepointsAnywhere ?? false,
      outbound: options.outbound ?? [],
      checkpoints,
      quota: (tenant) => tokens?.quota(tenant) ?? DEFAULT_QUOTA,
      log: (level, text) => server.log[level](text),
    });
    warm.prepare();
  } catch (thrown) {
    data.release();
    throw thrown;
  }
  const documents = createDocumentReader();
  const audit = openAuditLog(data.path, { onFault: (thrown) => server.log.error(thrown) });
  server.addHook('preClose', async () => closing.abort());
  server.addHook('onClose', async () => {
    await tenants.close();
    await documents.close();
    warm.close();
    data.release();
  });
  const limiter = await createRequestLimiter(server, options.limits);
  guard(server, { tokens, admit: options.admit, limiter }, { tenants, audit });
  await addRoutes(server, {
    of: ({ tenant }) => tenant ?? noTenant(),
    audit,
    connectors: builtinConnectors,
    compile: createCompileSource(),
    readDocument: documents.read,
    workingDirectory: process.cwd(),
    closing: closing.signal,
  });
  await server.ready();
  return server;
}

function newInstance({ logger, tls }: ServerOptions): Server {
  const options = {
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    // Requests under way are answered, streams are ended by `closing`, and nobody can send one for ever.
    forceCloseConnections: 'idle' as const,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
    clientErrorHandler: answerNoHttp,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: answerError,
  };
  const timeouts = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
  };
  const instance =
    tls === undefined
      ? fastify({ ...options, http: timeouts })
      : // Its type differs in nothing that is used here.
        (fastify({ ...options, https: { ...tls, ...timeouts } }) as unknown as FastifyInstance);
  instance.server.maxConnections = CONNECTIONS_MAX;
  const server = instance.withTypeProvider<ZodTypeProvider>() as Server;
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.setErrorHandler(answerError);
  server.setNotFoundHandler(answerNotFound);
  return server;
}

/** What every request meets before its route, and leaves behind after it. */
function guard(
  server: Server,
  admission: AdmissionOptions,
  { tenants, audit }: { readonly tenants: Tenants; readonly audit: AuditLog },
): void {
  const slowSenders = createSlowSenders(systemClock);
  server.addHook('onClose', async () => slowSenders.close());
  server.decorateRequest('caller', undefined);
  server.decorateRequest('tenant', undefined);
  const admit = createAdmissionHook(admission);
  server.addHook('onRequest', async (request, reply) => {
    slowSenders.watch(request.raw);
    await admit(request, reply);
    if (request.caller !== undefined) request.tenant = await tenants.open(request.caller.tenant);
  });
  server.addHook('onResponse', async (request, reply) => {
    const entry = auditEntry(request, reply.statusCode);
    if (entry !== undefined) audit.add(entry);
  });
}

async function addRoutes(server: Server, parts: ServerParts): Promise<void> {
  const table: RouteEntry[] = [];
  server.decorate('routeTable', table);
  server.addHook('onRoute', (route) => {
    // Asked for later: hooks of inner scopes, which come after this one, may say whose the route is.
    const role = () => route.config?.role;
    for (const method of [route.method].flat()) {
      table.push({
        method,
        url: route.url,
        get role() {
          return role();
        },
      });
    }
  });
  await addOpenApi(server);
  // At run time the import is the plugin itself, which its types do not know of a CommonJS module.
  await server.register(sse as unknown as typeof sse.default);
  for (const routes of ROUTES) {
    await server.register(async (scope) => routes(scope as Server, parts));
  }
}

/** Routes that are anyone's have no use for a tenant; all others are reached with one. */
function noTenant(): never {
  throw new MillraceError('INTERNAL', 'a route asked for a tenant that no caller brought');
}
