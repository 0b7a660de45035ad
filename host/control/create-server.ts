import { join, resolve } from 'node:path';
import sse from '@fastify/sse';
import fastify, { type FastifyBaseLogger } from 'fastify';
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { systemClock } from '../clock.ts';
import { logFiles } from '../connectors/http/log-files.ts';
import { builtinConnectors } from '../connectors/registry.ts';
import { REQUEST_TIMEOUT_MS } from '../limits.ts';
import { createWarmRunner, noWarmRunner, type WarmRunner } from '../runtime/warm-runner.ts';
import { type Admission, admitToken } from './admit-request.ts';
import { answerError, answerNoHttp, answerNotFound } from './answer-error.ts';
import { createCompileSource } from './compile-source.ts';
import { takeDataDirectory } from './data-directory.ts';
import type { Ingest } from './ingest/ingest.ts';
import { openIngest } from './ingest/open-ingest.ts';
import { readRetainedPositions } from './ingest/retained-positions.ts';
import { processRunners } from './job-runners.ts';
import { createJobStore } from './job-store.ts';
import { addOpenApi } from './open-api.ts';
import { openServerCatalog } from './open-server-catalog.ts';
import { healthRoutes } from './routes/health.ts';
import { indexPageRoutes } from './routes/index-page.ts';
import { jobCheckpointRoutes } from './routes/job-checkpoints.ts';
import { jobCancelRoutes, jobControlRoutes } from './routes/job-control.ts';
import { jobDeadLetterRoutes } from './routes/job-dead-letters.ts';
import { jobLogRoutes } from './routes/job-logs.ts';
import { jobRecordRoutes } from './routes/job-records.ts';
import { jobUpdateRoutes } from './routes/job-updates.ts';
import { jobRoutes } from './routes/jobs.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { moduleUploadRoutes } from './routes/module-uploads.ts';
import { moduleRoutes, moduleVersionRoutes } from './routes/modules.ts';
import { pipelineSchemaRoutes } from './routes/pipeline-schema.ts';
import { savepointRoutes } from './routes/savepoints.ts';
import { createSavepointPlaces } from './savepoint-places.ts';
import type { Server, ServerParts } from './server-type.ts';
import type { StoredJob } from './stored-job.ts';
import { openSupervisor } from './supervisor.ts';

export interface ServerOptions {
  /** The data directory; made if it is not there. */
  readonly data: string;
  /** When given, every request but health checks must carry it as a bearer token. */
  readonly token?: string;
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
  jobDeadLetterRoutes,
  metricsRoutes,
  healthRoutes,
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
  const warm = options.warmRunner === false ? noWarmRunner : createWarmRunner(cache);
  const server = newInstance(options);
  let parts: ServerParts;
  try {
    const anywhere = options.savepointsAnywhere ?? false;
    parts = await openParts(server, { data: data.path, closing: closing.signal, warm, anywhere });
    warm.prepare();
  } catch (thrown) {
    data.release();
    throw thrown;
  }
  server.addHook('preClose', async () => closing.abort());
  server.addHook('onClose', async () => {
    await parts.supervisor.close();
    await parts.catalog.close();
    await parts.ingest.close();
    warm.close();
    data.release();
  });
  await addOpenApi(server);
  // At run time the import is the plugin itself, which its types do not know of a CommonJS module.
  await server.register(sse as unknown as typeof sse.default);
  for (const routes of ROUTES) {
    await server.register(async (scope) => routes(scope as Server, parts));
  }
  await server.ready();
  return server;
}

function newInstance(options: ServerOptions): Server {
  const { token, admit, logger } = options;
  const server = fastify({
    loggerInstance: logger,
    // Requests under way are answered, streams are ended by `closing`, and nobody can send one for ever.
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false,
    clientErrorHandler: answerNoHttp,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
  }).withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.setErrorHandler(answerError);
  server.setNotFoundHandler(answerNotFound);
  const admissions = [admit, token === undefined ? undefined : admitToken(token)];
  server.addHook('onRequest', async (request) => {
    for (const check of admissions) check?.(request);
  });
  return server;
}

interface PartOptions {
  readonly data: string;
  readonly closing: AbortSignal;
  readonly warm: WarmRunner;
  readonly anywhere: boolean;
}

async function openParts(server: Server, options: PartOptions): Promise<ServerParts> {
  const { data, closing, warm, anywhere } = options;
  const catalog = await openServerCatalog(data);
  const store = createJobStore(join(data, 'jobs'));
  const ingest = openIngest({
    directoryOf: (id) => store.directoryOf(id),
    clock: systemClock,
    files: logFiles,
    retained: readRetainedPositions,
    log: (level, text) => server.log[level](text),
  });
  const supervisor = await openSupervisor({
    store,
    catalog,
    runners: processRunners(join(data, 'cache'), warm),
    clock: systemClock,
    prepare: (job) => ingest.open(job),
    forget: (id) => ingest.forget(id),
    log: (level, text) => server.log[level](text),
  });
  for (const job of supervisor.list()) await openLogs(job.stored, ingest, server);
  return {
    catalog,
    supervisor,
    ingest,
    connectors: builtinConnectors,
    compile: createCompileSource(),
    savepoints: createSavepointPlaces({ directory: join(data, 'savepoints'), anywhere }),
    workingDirectory: process.cwd(),
    closing,
  };
}

/** A log that cannot be mended now must not keep the other jobs waiting; its next request tries again. */
async function openLogs(job: StoredJob, ingest: Ingest, server: Server): Promise<void> {
  try {
    await ingest.open(job);
  } catch (thrown) {
    server.log.error(thrown);
  }
}
