import { auditAnswer, auditQuery } from '../schemas/audit-answer.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import type { Server, ServerParts } from '../server-type.ts';

/** Who changed what. */
export async function auditRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/v1/audit',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['server'],
        summary: 'Changes that were asked for: who, what, from where',
        querystring: auditQuery,
        response: { 200: auditAnswer, 403: errorAnswer },
      },
    },
    async (request) => ({
      entries: [...parts.audit.latest(parts.of(request).name, request.query.limit)],
    }),
  );
}
