import { deadLetterListAnswer } from '../schemas/dead-letter-answer.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import { deadLetterQuery, jobPath } from '../schemas/parameters.ts';
import type { Server, ServerParts } from '../server-type.ts';

/** Records that failed for good. */
export async function jobDeadLetterRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/v1/jobs/:job/dead-letters',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['dead letters'],
        summary: 'Records that failed for good',
        params: jobPath,
        querystring: deadLetterQuery,
        response: { 200: deadLetterListAnswer, 404: errorAnswer },
      },
    },
    async (request) => {
      const { journal } = parts.of(request).supervisor.job(request.params.job);
      return { deadLetters: [...(await journal.deadLetters(request.query.limit))] };
    },
  );
}
