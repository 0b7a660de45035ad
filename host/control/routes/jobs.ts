import type { z } from 'zod';
import { MillraceError } from '../../errors.ts';
import { SUBMISSION_BYTES_MAX } from '../../limits.ts';
import { type PlannedPipeline, planRequest } from '../plan-request.ts';
import { type PlannedRestore, planRestore } from '../plan-restore.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import {
  exceptionListAnswer,
  jobAnswer,
  jobDetailAnswer,
  jobListAnswer,
} from '../schemas/job-answer.ts';
import { jobPath, submitQuery } from '../schemas/parameters.ts';
import { dryRunAnswer, planAnswer } from '../schemas/plan-answer.ts';
import type { Server, ServerParts } from '../server-type.ts';
import type { Tenant } from '../tenant.ts';
import { exceptionsView, jobDetailView, jobView } from '../views/job-view.ts';
import { planView } from '../views/plan-view.ts';

const DOCUMENT_TYPES = [
  'application/yaml',
  'application/json',
  'application/x-yaml',
  'text/yaml',
  'text/plain',
];

const tags = ['jobs'];

/** Submitting jobs and looking at them. */
export async function jobRoutes(server: Server, parts: ServerParts): Promise<void> {
  await server.register(async (scope) => submitRoute(scope as Server, parts));

  server.get(
    '/v1/jobs',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'All jobs, oldest first', response: { 200: jobListAnswer } },
    },
    async (request) => ({
      jobs: await Promise.all(
        parts
          .of(request)
          .supervisor.list()
          .map(async (job) => jobView(job, await job.report())),
      ),
    }),
  );

  server.get(
    '/v1/jobs/:job',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'A job',
        params: jobPath,
        response: { 200: jobDetailAnswer, 404: errorAnswer },
      },
    },
    async (request) => {
      const job = parts.of(request).supervisor.job(request.params.job);
      return jobDetailView(job, await job.report());
    },
  );

  server.get(
    '/v1/jobs/:job/plan',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What a job runs: chains of operators and edges between them',
        params: jobPath,
        response: { 200: planAnswer, 404: errorAnswer },
      },
    },
    async (request) => {
      const job = parts.of(request).supervisor.job(request.params.job);
      const report = await job.report();
      return planView(job.stored.plan, report?.modules ?? job.stored.modules);
    },
  );

  server.get(
    '/v1/jobs/:job/exceptions',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Failures of a job, oldest first',
        params: jobPath,
        response: { 200: exceptionListAnswer, 404: errorAnswer },
      },
    },
    async (request) => exceptionsView(parts.of(request).supervisor.job(request.params.job).stored),
  );
}

/** In a scope of its own: only here a body is text, whether it is called JSON or YAML. */
async function submitRoute(server: Server, parts: ServerParts): Promise<void> {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(DOCUMENT_TYPES, { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  server.post(
    '/v1/jobs',
    {
      bodyLimit: SUBMISSION_BYTES_MAX,
      config: { role: 'deployer', rawBody: DOCUMENT_TYPES },
      schema: {
        tags,
        summary: 'Submits a pipeline document, YAML or JSON, or begins a job with a savepoint',
        querystring: submitQuery,
        response: {
          200: dryRunAnswer,
          201: jobAnswer,
          400: errorAnswer,
          404: errorAnswer,
          422: errorAnswer,
        },
      },
    },
    async (request, reply) => {
      const { dryRun } = request.query;
      const tenant = parts.of(request);
      const planned = await planSubmission(request, parts, tenant);
      if (dryRun === 'true') {
        return reply
          .code(200)
          .send({ valid: true as const, plan: planView(planned.plan, planned.modules) });
      }
      tenant.assertRoomForJob();
      const job = await tenant.supervisor.submit(planned);
      return reply.code(201).send(jobView(job, undefined));
    },
  );
}

function planSubmission(
  request: { readonly body: unknown; readonly query: z.output<typeof submitQuery> },
  { connectors, readDocument, workingDirectory }: ServerParts,
  { catalog, savepoints, filesBelow }: Tenant,
): Promise<PlannedPipeline | PlannedRestore> {
  const { parallelism, savepoint, allowDroppedState } = request.query;
  const parts = { catalog, connectors, readDocument, filesBelow };
  const text = typeof request.body === 'string' ? request.body : undefined;
  if (savepoint !== undefined) {
    const folder = savepoints.folder(savepoint);
    const { baseDirectory } = request.query;
    const allowed = allowDroppedState === 'true';
    const restore = { folder, text, baseDirectory, parallelism, allowDroppedState: allowed };
    return planRestore(restore, parts);
  }
  if (text === undefined) throw noDocument();
  const fallback = filesBelow ?? workingDirectory;
  const baseDirectory = request.query.baseDirectory ?? fallback;
  return planRequest({ text, baseDirectory, parallelism }, parts);
}

function noDocument(): MillraceError {
  return new MillraceError('PIPELINE_UNREADABLE', 'the request has no pipeline document', {
    hint: 'send it as the body, with content type application/yaml or application/json',
  });
}
