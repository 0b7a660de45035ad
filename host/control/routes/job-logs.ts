import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { followLines, type LogFilter, readLatestLines } from '../log-file.ts';
import { logListAnswer, logQuery, type logQuery as logQuerySchema } from '../schemas/log-answer.ts';
import { jobPath } from '../schemas/parameters.ts';
import type { Server, ServerParts } from '../server-type.ts';
import { isFinal } from '../stored-job.ts';
import type { SupervisedJob } from '../supervised-job.ts';

/** The log of a job, as it is or as it grows. */
export async function jobLogRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/v1/jobs/:job/logs',
    {
      config: { role: 'viewer' },
      sse: 'manual',
      schema: {
        tags: ['logs'],
        summary: 'The log of a job and its functions; follow=false answers a list',
        params: jobPath,
        querystring: logQuery,
      },
    },
    async (request, reply) => {
      const job = parts.of(request).supervisor.job(request.params.job);
      const { follow, limit, ...filter } = request.query;
      if (follow === 'true')
        return stream({ job, closing: parts.closing }, request, reply, request.query);
      const { lines } = await readLatestLines(job.journal.logPath, filterOf(filter), limit);
      return reply.send(logListAnswer.parse({ entries: lines }));
    },
  );
}

/** An event a line. Its id is the place in the log, from which a client that comes back reads on. */
async function stream(
  { job, closing }: { readonly job: SupervisedJob; readonly closing: AbortSignal },
  request: FastifyRequest,
  reply: FastifyReply,
  query: z.output<typeof logQuerySchema>,
): Promise<void> {
  const path = job.journal.logPath;
  const filter = filterOf(query);
  const gone = new AbortController();
  reply.sse.onClose(() => gone.abort());
  const resumed = Number(request.headers['last-event-id'] ?? Number.NaN);
  let offset = resumed;
  if (!Number.isSafeInteger(resumed) || resumed < 0) {
    const { lines, end } = await readLatestLines(path, filter, query.limit);
    for (const line of lines) await reply.sse.send({ data: line });
    offset = end;
  }
  const over = () => isFinal(job.stored.state);
  for await (const { line, nextOffset } of followLines(path, offset, filter, {
    signal: AbortSignal.any([gone.signal, closing]),
    over,
  })) {
    await reply.sse.send({ id: String(nextOffset), data: line });
  }
}

function filterOf({ step, version, level }: LogFilter): LogFilter {
  return { step, version, level };
}
