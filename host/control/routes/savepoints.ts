import { errorAnswer } from '../schemas/error-answer.ts';
import { jobPath } from '../schemas/parameters.ts';
import { savepointAnswer, savepointRequest } from '../schemas/savepoint-answer.ts';
import type { Server, ServerParts } from '../server-type.ts';

const tags = ['savepoints'];

/** Savepoints of running jobs. Jobs begin with one by `POST /v1/jobs?savepoint=…`. */
export async function savepointRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.post(
    '/v1/jobs/:job/savepoints',
    {
      config: { role: 'deployer' },
      schema: {
        tags,
        summary: 'Takes a savepoint of a job that goes on; answers when it is durable',
        params: jobPath,
        body: savepointRequest,
        response: {
          201: savepointAnswer,
          400: errorAnswer,
          404: errorAnswer,
          409: errorAnswer,
          503: errorAnswer,
        },
      },
    },
    async (request, reply) => {
      const { supervisor, savepoints } = parts.of(request);
      const job = supervisor.job(request.params.job);
      const to = request.body?.to;
      const folder =
        to === undefined ? savepoints.next(job.stored.id, Date.now()) : savepoints.folder(to);
      const record = await savepoints.reserve(folder, () => job.savepoint(folder));
      const { directory, ...rest } = record;
      return reply.code(201).send({ savepoint: directory, ...rest });
    },
  );
}
