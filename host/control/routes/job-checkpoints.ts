import { checkpointAnswer, checkpointListAnswer } from '../schemas/checkpoint-answer.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import { jobPath } from '../schemas/parameters.ts';
import type { Server, ServerParts } from '../server-type.ts';
import { checkpointView } from '../views/checkpoint-view.ts';

const tags = ['checkpoints'];

/** Checkpoints of a job. */
export async function jobCheckpointRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/v1/jobs/:job/checkpoints',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'The latest checkpoints of a job, oldest first',
        params: jobPath,
        response: { 200: checkpointListAnswer, 404: errorAnswer },
      },
    },
    async (request) => {
      const records = await parts
        .of(request)
        .supervisor.job(request.params.job)
        .journal.checkpoints();
      return { checkpoints: records.map(checkpointView) };
    },
  );

  server.post(
    '/v1/jobs/:job/checkpoints',
    {
      config: { role: 'deployer' },
      schema: {
        tags,
        summary: 'Takes a checkpoint now; answers when it is durable',
        params: jobPath,
        response: { 201: checkpointAnswer, 404: errorAnswer, 409: errorAnswer, 503: errorAnswer },
      },
    },
    async (request, reply) => {
      const runner = parts
        .of(request)
        .supervisor.job(request.params.job)
        .running('take a checkpoint');
      return reply.code(201).send(checkpointView(await runner.checkpoint()));
    },
  );
}
